"""What the benchmarks share: paired timings, and one form of results."""

import datetime
import importlib.metadata
import json
import os
import platform
import re
import statistics
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def paired_ratio(a, b, pairs=5, aim=None, clock=time.perf_counter):
    """Times two functions in turn and gives a's seconds against b's.

    A neighbour on the machine slows both of a pair alike, so the ratio of a
    pair holds where seconds do not. The order turns from pair to pair.

    Args:
        a: Function without arguments, warmed up by the caller.
        b: The function to compare it with.
        pairs: Positive int. At least 5 for a result that is kept.
        aim: What the ratio ought to be at most or at least, if anything.
        clock: `time.process_time` counts the work of all threads instead of
            the time that passes: for pure computation on a busy machine.

    Returns:
        Dict of the median ratio, the aim and all pairs.
    """
    ratios = []
    for turn in range(pairs):
        first, second = (a, b) if turn % 2 else (b, a)
        seconds = {f: seconds_of(f, clock) for f in (first, second)}
        ratios.append(seconds[a] / seconds[b])
    return ratio_of(ratios, aim)


def ratio_of(pairs, aim=None):
    """Puts measured ratios into the form of a result."""
    value = round(statistics.median(pairs), 4)
    pairs = [round(ratio, 4) for ratio in pairs]
    return {"value": value, "aim": aim, "pairs": pairs}


def seconds_of(function, clock):
    start = clock()
    function()
    return clock() - start


def peak_memory():
    """Gives the peak resident memory of this process in kilobytes (Linux)."""
    # Not `getrusage`: its peak starts at that of the process that started us.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1))


def write_results(name, ratios):
    """Writes `benchmarks/results/<name>.json`; gives its path.

    Args:
        name: Name of the benchmark.
        ratios: Dict of `"ours against theirs"` to a `paired_ratio`.
    """
    libraries = ("keras", "numpy", "opencv-python-headless", "tensorflow")
    result = {
        "machine": f"{os.cpu_count()} x {processor()}",
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in libraries},
        },
        "date": datetime.date.today().isoformat(),
        "ratios": ratios,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    return path


def processor():
    """Names the processor as the machine itself does."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [x.split(":")[1].strip() for x in lines if "model name" in x]
    return names[0] if names else platform.machine()
