"""Kills the pipeline at random moments, and sees that nothing is lost.

    python -m benchmarks.resume --smoke

runs it once without interruption, then in a second folder kills it again and
again with SIGKILL and starts it anew with the same command, and compares what
the two folders hold in the end: everything but measured times must be
identical. The moments are chosen among the lines that it writes to its log, a
random time after each. Ends with status 1 if anything differs. --results names
the folder that keeps what came out; without --smoke it is kept anyway.
"""

import csv
import io
import json
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

import h5py
import numpy as np

from benchmarks.measure import (
    figure,
    options_parser,
    ratio_of,
    write_results,
)

PROGRAM = pathlib.Path(__file__).parent.parent / "examples" / "train_regdb.py"
INTERRUPTED = 130


def main():
    options = read_options()
    work = pathlib.Path(tempfile.mkdtemp(prefix="resume-"))
    command = [sys.executable, str(PROGRAM)]
    command += [f"--data={options.data}"] if options.data else []
    command += ["--smoke"] if options.smoke else []
    reference = options.reference
    if reference is None:
        reference = work / "reference"
        subprocess.run([*command, f"--output={reference}"], check=True)
    killed = work / "killed"
    command.append(f"--output={killed}")
    kill_again_and_again(command, killed, reference, options)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wrong = differences(reference, killed)
    for name in wrong:
        print(f"DIFFERS: {name}")
    print(f"{options.kills} kills: {'not ' if wrong else ''}identical")
    agreement = [float(name not in wrong) for name in RESULTS]
    write_results(
        "resume",
        options,
        {
            "a result after the kills is that of an unbroken run": ratio_of(
                agreement, aim=1.0
            )
        },
        {"kills": figure(options.kills, "SIGKILL")},
    )
    shutil.rmtree(work)
    sys.exit(bool(wrong))


def read_options():
    parser = options_parser(__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", help="RegDB; synthetic if not given")
    parser.add_argument(
        "--reference", type=pathlib.Path, help="a run that is done already"
    )
    parser.add_argument(
        "--delay", type=float, default=3.0, help="longest, in seconds"
    )
    return parser.parse_args()


def kill_again_and_again(command, folder, reference, options):
    """Kills a run at moments chosen among the lines of its log."""
    generator = random.Random(options.seed)
    lines = progress(reference)
    moments = sorted(generator.choices(range(len(lines)), k=options.kills))
    for moment in moments:
        delay = generator.uniform(0, options.delay)
        status, _ = kill(command, folder, lines[moment], delay)
        print(f"killed {delay:.1f} s after: {lines[moment]}", flush=True)
        if status == 0:
            print("    (it had ended before)")


def progress(folder):
    """The beginnings of the lines that tell how far a run is."""
    lines = (folder / "log.txt").read_text("utf-8").splitlines()
    return [
        line.split(":")[0]
        for line in lines
        if line.startswith("==>") or "left" in line
    ]


def kill(command, folder, line, delay, by=signal.SIGKILL):
    """Starts a run and kills it some time after it has written a line.

    Returns:
        Its exit status, and what it wrote to standard error.
    """
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            preexec_fn=heed_ctrl_c,
        )
        status = kill_after(process, folder, line, delay, by)
        errors.seek(0)
        text = errors.read()
    expected = {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: INTERRUPTED}
    if status not in (0, expected[by]):
        raise RuntimeError(f"The run failed: status={status}\n{text}")
    return status, text


def kill_after(process, folder, line, delay, by):
    """Kills a process some time after its run has written a line."""
    while process.poll() is None and line not in said(folder):
        time.sleep(0.05)
    time.sleep(delay)
    process.send_signal(by)
    return process.wait()


def heed_ctrl_c():
    """Undoes that a shell makes what it starts with `&` ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def said(folder):
    """All that a run has written to its log so far."""
    log = folder / "log.txt"
    return log.read_text("utf-8") if log.exists() else ""


def differences(one, other):
    """Names the results of two runs that are not identical."""
    wrong = []
    for name, read in RESULTS.items():
        if not same(read(one / name), read(other / name)):
            wrong.append(name)
    return wrong


def same(one, other):
    """Compares nested dicts, lists and arrays, to the last bit."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            same(one[key], other[key]) for key in one
        )
    return np.array_equal(one, other)


def read_metrics(file):
    """Reads the scores; measured times are left out."""
    rows = json.loads(file.read_text("utf-8"))["rows"]
    for row in rows:
        del row["images_per_second"], row["cpu_seconds"]
    return {row["name"]: row for row in rows}


def read_history(file):
    """Reads the curves of all stages; measured times are left out."""
    with file.open(newline="") as lines:
        rows = [
            {k: v for k, v in row.items() if v and "seconds" not in k}
            for row in csv.DictReader(lines)
        ]
    return {f"{row['stage']} {row['epoch']}": row for row in rows}


def read_arrays(file):
    with np.load(file) as arrays:
        return dict(arrays)


def read_weights(file):
    """Reads all arrays of a .keras file."""
    arrays = {}

    def keep(name, entry):
        if isinstance(entry, h5py.Dataset):
            arrays[name] = entry[()]

    with zipfile.ZipFile(file) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content) as weights:
        weights.visititems(keep)
    return arrays


RESULTS = {
    "metrics.json": read_metrics,
    "metrics.md": pathlib.Path.read_bytes,
    "calibration.json": pathlib.Path.read_bytes,
    "architecture.json": pathlib.Path.read_bytes,
    "history.csv": read_history,
    "gates.npz": read_arrays,
    "embeddings/compacted.npz": read_arrays,
    "baseline.keras": read_weights,
    "searched.keras": read_weights,
    "model.keras": read_weights,
}


if __name__ == "__main__":
    main()
