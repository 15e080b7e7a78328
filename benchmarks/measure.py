"""What the benchmarks share: paired timings, limits, one form of results."""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results"
IDLE = 0.9  # the least share of the processor that an idle machine gives
START = time.monotonic()
machine = {}  # how busy it was before the benchmark, see `options_parser`


def options_parser(text):
    """Makes the parser of the flags that every benchmark knows.

    And notes how busy the machine is, before the benchmark makes it so.

    Args:
        text: The benchmark's docstring.
    """
    machine.update(load=round(os.getloadavg()[0], 2), share=free_share())
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="tiny sizes in seconds: numbers without meaning, not kept",
    )
    parser.add_argument(
        "--short",
        action="store_true",
        help="leave out what takes long: the form of `python -m benchmarks`",
    )
    parser.add_argument(
        "--results",
        type=Path,
        help="folder that keeps the result, benchmarks/results if not given",
    )
    return parser


def paired_ratio(
    a, b, pairs=5, aim=None, clock=time.perf_counter, better="higher"
):
    """Times two functions in turn and gives a's seconds against b's.

    A neighbour on the machine slows both of a pair alike, so the ratio of a
    pair holds where seconds do not. The order turns from pair to pair.

    Args:
        a: Function without arguments, warmed up by the caller.
        b: The function to compare it with.
        pairs: Positive int. At least 5 for a result that is kept.
        aim: What the ratio ought to reach, if anything.
        clock: `time.process_time` counts the work of all threads instead of
            the time that passes: for pure computation on a busy machine.
        better: `"higher"` or `"lower"`. "higher" suits `a` the other.

    Returns:
        Dict of the median ratio, the aim, what is better, and all pairs.
    """
    ratios = []
    for turn in range(pairs):
        first, second = (a, b) if turn % 2 else (b, a)
        seconds = {f: seconds_of(f, clock) for f in (first, second)}
        ratios.append(seconds[a] / seconds[b])
    return ratio_of(ratios, aim, better)


def take_turns(functions, rounds):
    """Times functions in turn; gives the seconds of each, by round."""
    seconds = {name: [] for name in functions}
    for turn in range(rounds):
        for name in sorted(functions, key=str, reverse=turn % 2):
            seconds[name].append(seconds_of(functions[name]))
    return {name: np.array(values) for name, values in seconds.items()}


def ratio_of(pairs, aim=None, better="higher"):
    """Puts measured ratios into the form of a result."""
    return {
        "value": round(statistics.median(pairs), 4),
        "aim": aim,
        "better": better,
        "pairs": [round(float(ratio), 4) for ratio in pairs],
    }


def reaches_aim(ratio):
    """Whether a ratio of a result is as good as was aimed at.

    Returns:
        Boolean, or `None` if there was no aim.
    """
    if ratio["aim"] is None:
        return None
    if ratio["better"] == "lower":
        return ratio["value"] <= ratio["aim"]
    return ratio["value"] >= ratio["aim"]


def figure(value, unit, limit=None, limit_is=None):
    """Puts a single figure, and what bounds it, into the form of a result.

    Args:
        value: Float.
        unit: String.
        limit: Float in the same unit, measured in the same run.
        limit_is: String. What the limit is.
    """
    limit = limit and rounded(limit)
    return {
        "value": rounded(value),
        "unit": unit,
        "limit": limit,
        "limit_is": limit_is,
    }


def rounded(value):
    """Rounds to four digits: more are noise."""
    return float(f"{value:.4g}")


def seconds_of(function, clock=time.perf_counter):
    start = clock()
    function()
    return clock() - start


def least_seconds(function, times=5):
    """The least of several times: for limits, which noise only raises."""
    return min(seconds_of(function) for _ in range(times))


def product_rate(size=2048):
    """GFLOP/s of NumPy's product of two square float32 matrices."""
    matrix = np.random.default_rng(0).random((size, size), np.float32)
    out = np.empty_like(matrix)
    seconds = least_seconds(lambda: np.matmul(matrix, matrix, out=out))
    return 2 * size**3 / seconds / 1e9


def free_share(size=1024, times=25):
    """Share of all cores that a product of matrices gets, 1 if all is idle."""
    matrix = np.random.default_rng(0).random((size, size), np.float32)
    matrix @ matrix  # starts the threads
    wall, work = time.perf_counter(), time.process_time()
    for _ in range(times):
        matrix @ matrix
    work, wall = time.process_time() - work, time.perf_counter() - wall
    return round(work / wall / os.cpu_count(), 2)


def copy_rate(size=2**27):
    """GB/s of copying memory in one thread, read and written bytes counted."""
    source = np.ones(size, np.uint8)
    target = np.ones_like(source)
    return 2 * size / least_seconds(lambda: np.copyto(target, source)) / 1e9


def peak_memory():
    """Gives the peak resident memory of this process in kilobytes (Linux)."""
    # Not `getrusage`: its peak starts at that of the process that started us.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1))


def write_results(name, options, ratios, figures=None):
    """Writes `<name>.json` into the folder of the results, and says so.

    Args:
        name: Name of the benchmark.
        options: The flags of `options_parser`; `--smoke` keeps nothing unless
            a folder is named.
        ratios: Dict of `"ours against theirs"` to a `paired_ratio`.
        figures: Dict of what was measured to a `figure`.
    """
    folder = options.results or (None if options.smoke else RESULTS)
    if folder is None:
        return
    result = {
        "machine": f"{os.cpu_count()} x {processor()}",
        "load": machine["load"],
        "share": machine["share"],
        "versions": versions(),
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "form": form_of(options),
        "seconds": round(time.monotonic() - START),
        "ratios": ratios,
        "figures": figures or {},
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print("written:", path, flush=True)


def form_of(options):
    if options.smoke:
        return "smoke"
    return "short" if options.short else "full"


def versions():
    """Versions of Python and of what the measurements rest on."""
    found = {"python": platform.python_version()}
    for name in ("keras", "numpy", "tensorflow", "torch"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit():
    """The commit of the working tree, `+` if it has been changed since."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, cwd=Path(__file__).parent
        )
    except OSError:  # no git here: no reason to lose what was measured
        return None
    return answer.stdout.strip() or None


def processor():
    """Names the processor as the machine itself does."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [x.split(":")[1].strip() for x in lines if "model name" in x]
    return names[0] if names else platform.machine()
