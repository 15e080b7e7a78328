"""Batch embedding and the gallery, beside what bounds them.

    python -m benchmarks.scale            # five minutes on two idle cores
    python -m benchmarks.scale --short    # a tenth of the sizes, no Ray
    python -m benchmarks.scale --smoke    # under a minute, tiny sizes

1. A folder of 20,000 synthetic images (64 x 32, PNG) embedded by the local
   engine, a part of it in turns with the bare SavedModel that is fed the same
   bytes from memory, in the same batches of 64: what listing, reading, hashing
   and writing cost.
2. The whole folder in a process that is killed half-way and started again, and
   through Ray Data with two actors; every image must be there exactly once.
3. 200,000 embeddings of 5,000 people in Milvus Lite: rates of insertion and
   search, and recall@10 against exact NumPy top-k, which is timed beside it.
   Embeddings are of length 256 and random around their person's centre.
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial

import cv2
import keras
import numpy as np
from pyarrow import parquet

from benchmarks.measure import (
    copy_rate,
    figure,
    options_parser,
    paired_ratio,
    product_rate,
    ratio_of,
    seconds_of,
    write_results,
)
from nfs_keras.models import reid_network
from nfs_keras.scale import Embedder, Gallery, embed_folder
from nfs_keras.serving import export_saved_model

IMAGE_SHAPE = (64, 32, 3)
BATCH = 64
DIM = 256
TOP = 10
QUIET = {"batch_size": BATCH, "shard_size": 256, "verbose": 0}


def main(arguments=None):
    parser = options_parser(__doc__)
    parser.add_argument(
        "--index", default="FLAT", choices=["FLAT", "HNSW"], help="of part 3"
    )
    parser.add_argument("--dim", type=int, default=DIM, help="of part 3")
    parser.add_argument("--only", choices=["embed", "gallery"])
    parser.add_argument("--embed", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.embed:  # the process that is killed
        embed(*options.embed)
        return
    scale = 50 if options.smoke else 10 if options.short else 1
    with tempfile.TemporaryDirectory() as folder:
        ratios, figures = run(pathlib.Path(folder), scale, options)
    if not options.only:
        write_results("scale", options, ratios, figures)


def run(folder, scale, options):
    """Measures all parts in a scratch folder; gives ratios and figures."""
    ratios, figures = {}, {}
    if options.only != "gallery":
        model = make_model(folder / "model")
        write_images(folder / "all", 20_000 // scale)
        write_images(folder / "part", 2_000 // scale)
        found = compare_with_bare_model(folder, model)
        ratios |= found[0]
        figures |= found[1]
        kill_and_restart(folder, model)
        if scale == 1:
            embed_with_ray(folder, model)
    if options.only != "embed":
        size = 200_000 // scale
        found = compare_gallery(folder, size, options.dim, options.index)
        ratios |= found[0]
        figures |= found[1]
    return ratios, figures


def make_model(directory):
    """Exports the demo's network, not trained: its speed is the same."""
    keras.utils.set_random_seed(0)
    network = reid_network("tiny", IMAGE_SHAPE, search=None)
    return export_saved_model(network, directory)


def write_images(folder, number):
    """Writes smooth random images, about as large as real ones as PNG."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for index in range(number):
        coarse = rng.integers(0, 256, (8, 4, 3), "uint8")
        image = cv2.resize(coarse, IMAGE_SHAPE[1::-1])
        cv2.imwrite(str(folder / f"{index:05d}.png"), image)


def embed(model, folder, output):
    return embed_folder(folder, output, Embedder(model, "visible"), **QUIET)


def compare_with_bare_model(folder, model):
    """Times the local engine and the SavedModel alone, in turn."""
    embedder = Embedder(model, "visible")
    images = [path.read_bytes() for path in sorted((folder / "part").iterdir())]
    output = folder / "part_embeddings"

    def bare():
        for start in range(0, len(images), BATCH):
            embedder(images[start : start + BATCH])

    def ours():
        shutil.rmtree(output, ignore_errors=True)
        embed_folder(folder / "part", output, embedder, **QUIET)

    bare(), ours()
    rates = [len(images) / seconds_of(each) for each in (bare, ours)]
    print(
        "images/s: bare SavedModel {:.0f}, local engine {:.0f}".format(*rates)
    )
    ratios = {
        "images/s, local engine / bare SavedModel": paired_ratio(
            bare, ours, pairs=9, aim=0.9
        ),
        "processor time, bare SavedModel / local engine": paired_ratio(
            bare, ours, aim=0.9, clock=time.process_time
        ),
    }
    for name, ratio in ratios.items():
        print(f"{name}: {ratio}")
    return ratios, {
        "local engine, from files on disk": figure(
            rates[1],
            "images/s",
            rates[0],
            "the bare SavedModel, fed the same bytes from memory",
        )
    }


def kill_and_restart(folder, model):
    """Kills an embedding process half-way, and lets another go on."""
    images, output = folder / "all", folder / "killed"
    number = len(list(images.iterdir()))
    command = [sys.executable, "-m", "benchmarks.scale", "--embed"]
    process = subprocess.Popen([*command, model, images, output])
    half = max(1, number // QUIET["shard_size"] // 2)
    while len(list(output.glob("embeddings-*.parquet"))) < half:
        if process.poll() is not None:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    status = process.wait()
    start = time.perf_counter()
    counts = embed(model, images, output)
    rate = counts.embedded / (time.perf_counter() - start)
    check_once(output, number)
    print(f"killed (status {status}), then {counts}, {rate:.0f} images/s")


def embed_with_ray(folder, model):
    """The same folder through two Ray actors."""
    import ray

    # Actors import this library from where it lies.
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": root}},
    )
    embedder = Embedder(model, "visible")
    images, output = folder / "all", folder / "ray"
    start = time.perf_counter()
    counts = embed_folder(images, output, embedder, engine="ray", **QUIET)
    rate = counts.embedded / (time.perf_counter() - start)
    check_once(output, len(list(images.iterdir())))
    print(f"Ray, 2 actors: {counts}, {rate:.0f} images/s with their start")
    ray.shutdown()


def check_once(output, number):
    """Raises unless each of `number` images is there exactly once."""
    ids = parquet.read_table(output, columns=["id"])["id"].to_pylist()
    if len(ids) != number or len(set(ids)) != number:
        raise RuntimeError(f"{len(ids)} rows, {len(set(ids))} of {number} ids")


def compare_gallery(folder, size, dim, index):
    """Fills Milvus Lite, and searches it beside exact NumPy."""
    vectors, queries = people(size, num_queries=500, dim=dim)
    ids = [f"{number:07d}.png" for number in range(size)]
    path = folder / "people.db"
    with Gallery(path, index=index, timeout=600.0) as gallery:
        fill = partial(add_all, gallery, ids, vectors)
        print(f"{index}, dim {dim}: {size / seconds_of(fill):.0f} inserted/s")
        start = time.perf_counter()
    print(f"closed, index built, in {time.perf_counter() - start:.1f} s")
    with contextlib.ExitStack() as stack:
        start = time.perf_counter()
        gallery = stack.enter_context(Gallery(path, timeout=600.0))
        print(f"opened in {time.perf_counter() - start:.1f} s")
        found = compare_searches(gallery, vectors, queries)
    used = sum(file.stat().st_size for file in path.rglob("*.*"))
    print(f"{used / size / dim / 4:.2f} times the raw embeddings, on disk")
    return found


def people(size, num_queries, dim):
    """Unit vectors around 5,000 centres, and queries near the same ones."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(size // 40, dim)).astype("float32")
    who = rng.integers(len(centres), size=size + num_queries)
    noise = rng.normal(size=(len(who), dim)).astype("float32")
    vectors = centres[who] + noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors[:size], vectors[size:]


def add_all(gallery, ids, vectors):
    step = 10_000
    for start in range(0, len(ids), step):
        part = slice(start, start + step)
        camera = [number % 6 for number in range(len(ids[part]))]
        gallery.add(ids[part], vectors[part], "v1", "visible", camera=camera)


def compare_searches(gallery, vectors, queries):
    """Times and checks searches of 100 queries at once, and of one."""
    batches = np.split(queries, 5)

    def search(batch):
        return gallery.search(batch, "v1", top=TOP)

    recalls = [
        recall(search(batch), exact(batch, vectors)) for batch in batches
    ]
    ratios = {f"recall@{TOP}, gallery / exact": ratio_of(recalls, aim=0.99)}
    limits = {
        100: (
            product_rate() * 1e9 / (2 * vectors.size),
            "NumPy's bare product of large matrices",
        ),
        1: (
            copy_rate() * 1e9 / vectors.nbytes,
            "reading all embeddings once, as fast as memory is copied",
        ),
    }
    figures = {}
    for number in (100, 1):
        batch = queries[:number]
        ours, theirs = partial(search, batch), partial(exact, batch, vectors)
        rates = [number / seconds_of(each) for each in (ours, theirs)]
        print(f"queries/s, {number} at once:", end=" ")
        print("gallery {:.0f}, exact NumPy {:.0f}".format(*rates))
        name = f"queries/s, {number} at once, gallery / exact NumPy"
        ratios[name] = paired_ratio(theirs, ours)
        figures[f"gallery of {len(vectors):,}, {number} at once"] = figure(
            rates[0], "queries/s", *limits[number]
        )
    for name, ratio in ratios.items():
        print(f"{name}: {ratio}")
    return ratios, figures


def exact(queries, vectors):
    """Rows of the `TOP` most similar vectors, by BLAS and a partition."""
    similarities = queries @ vectors.T
    return np.argpartition(-similarities, TOP, axis=1)[:, :TOP]


def recall(found, rows):
    """Share of the exact top that the gallery found."""
    hits = [
        len(
            {match.id for match in matches} & {f"{row:07d}.png" for row in best}
        )
        for matches, best in zip(found, rows, strict=True)
    ]
    return float(np.mean(hits)) / TOP


if __name__ == "__main__":
    main()
