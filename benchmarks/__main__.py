"""Runs the benchmarks, each in a process of its own, and sums up.

    python -m benchmarks                  # all of them, in their short form
    python -m benchmarks layers search    # only some
    python -m benchmarks --full scale     # at full size
    python -m benchmarks --smoke          # tiny sizes: does everything run?

Writes benchmarks/results/<name>.json; `python -m benchmarks.performance` makes
docs/performance.md of them. A benchmark that fails does not keep the others
from running; the exit status then is 1.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import RESULTS, reaches_aim

ROOT = Path(__file__).parents[1]
NAMES = (
    "layers",
    "data",
    "evaluation",
    "search",
    "any_model",
    "serving",
    "scale",
    "planted",
    "study",
)
ANSWERS = {True: "met", False: "missed", None: ""}


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"some of: {', '.join(NAMES)}"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--full", action="store_true", help="full sizes")
    form.add_argument(
        "--smoke",
        action="store_true",
        help="tiny sizes: numbers without meaning, not kept",
    )
    options = parser.parse_args(arguments)
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    form = "--full" if options.full else "--smoke" if options.smoke else None
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if options.smoke else RESULTS
        done = run_all(options.names or NAMES, form, folder, Path(scratch))
        print(summarize(done, folder))
    if options.smoke:
        print("\nSizes were tiny: the numbers above mean nothing.")
    return 1 if any(status for _, status, _ in done) else 0


def run_all(names, form, folder, scratch):
    """Runs benchmarks; gives name, exit status and seconds of each."""
    done = []
    for position, name in enumerate(names, 1):
        command = command_of(name, form, folder, scratch)
        print(f"\n[{position}/{len(names)}] {' '.join(command)}", flush=True)
        start = time.monotonic()
        status = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
        ).returncode
        seconds = time.monotonic() - start
        ended = "done" if status == 0 else f"FAILED with status {status}"
        print(f"{name} {ended} after {seconds:.0f} s", flush=True)
        done.append((name, status, seconds))
    return done


def command_of(name, form, folder, scratch):
    """Arguments for Python that run a benchmark."""
    command = ["-m", f"benchmarks.{name}"]
    if name == "study":
        # Whole, it takes hours: `python -m benchmarks.study` itself.
        return [*command, "--smoke"]
    if form != "--full":
        command.append(form or "--short")
    return [*command, f"--results={folder}"]


def summarize(done, folder):
    """Ratios beside their aims, and what failed, in words."""
    lines = ["", f"{'':<11}{'ratio':>10}{'aim':>8}  {'':<7} what"]
    for name, status, _ in done:
        path = folder / f"{name}.json"
        if status == 0 and path.exists():
            ratios = json.loads(path.read_text())["ratios"]
            lines += [ratio_line(name, *item) for item in ratios.items()]
    lines.append("")
    for name, status, seconds in done:
        ended = f"FAILED with status {status}" if status else "ran"
        lines.append(f"{name:<11} {ended}, {seconds:.0f} s")
    return "\n".join(lines)


def ratio_line(name, what, ratio):
    aim = "" if ratio["aim"] is None else f"{ratio['aim']:g}"
    answer = ANSWERS[reaches_aim(ratio)]
    return f"{name:<11}{ratio['value']:>10.3f}{aim:>8}  {answer:<7} {what}"


if __name__ == "__main__":
    sys.exit(main())
