"""The first and the last chapter: the data, and how to repeat the run."""

import shlex

import numpy as np

from nfs_keras.modalities import MODALITIES
from nfs_keras.report.blocks import Code, Note, Strip, Table, Tile
from nfs_keras.report.formats import duration, flat, plain
from nfs_keras.report.pictures import picture_uri, read_picture

NUM_PEOPLE = 4


def tell_data(run):
    """Yields what the run learned and was tested on."""
    facts = {k: v for k, v in run.dataset.items() if k != "statistics"}
    if facts:
        pairs = flat(facts) + flat(run.dataset.get("statistics") or {})
        yield Table("Dataset", ["fact", "value"], pairs)
    else:
        yield Note("What the data were is not known: run.json names none.")
    embeddings = run.last_embeddings()
    if embeddings is None:
        yield Note("There are no embeddings of test pictures.")
        return
    yield count_pictures(embeddings)
    yield show_people(run, embeddings)


def count_pictures(embeddings):
    """Counts test pictures, people and cameras by modality."""
    rows = []
    for modality in MODALITIES:
        own = embeddings.of(modality)
        counts = [
            len(own.path),
            len(np.unique(own.identity)),
            len(np.unique(own.camera)),
        ]
        rows.append([modality, *map(plain, counts)])
    header = ["modality", "pictures", "people", "cameras"]
    return Table("Test pictures", header, rows)


def show_people(run, embeddings):
    """Shows a few people of the test set in both modalities."""
    sides = [embeddings.of(modality) for modality in MODALITIES]
    people = np.intersect1d(*(side.identity for side in sides))
    shown = [
        side.sample(np.flatnonzero(side.identity == person)[0])
        for person in people[:NUM_PEOPLE]
        for side in sides
    ]
    tiles = [tile(sample, run.dataset.get("root", "")) for sample in shown]
    if not any(x.uri for x in tiles):
        root = run.dataset.get("root")
        return Note(f"The test pictures were not found. Looked in: {root}.")
    return Strip("A few people of the test set, in both modalities", tiles)


def tile(sample, root, label=None, right=None):
    """Makes a tile of a sample; without a picture its address is empty."""
    picture = read_picture(sample.path, root)
    uri = "" if picture is None else picture_uri(picture)
    label = label or f"id {sample.identity}\n{sample.modality}"
    return Tile(uri, label, str(sample.path), right)


def tell_reproduction(run):
    """Yields what is needed to run the same again."""
    command = run.info.get("command")
    if command:
        yield Code(shlex.join(map(str, command)))
    else:
        yield Note("The command is not known: run.json names none.")
    for caption, name in (("Options", "options"), ("Versions", "versions")):
        if run.info.get(name):
            pairs = flat(run.info[name])
            yield Table(caption, ["name", "value"], pairs)
    facts = {name: run.info.get(name) for name in ("seed", "started")}
    facts["folder"] = str(run.directory)
    facts["fingerprint of the data"] = run.dataset.get("fingerprint")
    yield Table("This run", ["fact", "value"], flat(facts))
    if stages := run.info.get("stages"):
        times = [(k, duration(v.get("seconds"))) for k, v in stages.items()]
        yield Table("Time", ["stage", "took"], times)
    if run.missing:
        yield Table(
            "Parts that this report had to do without",
            ["part", "reason"],
            list(run.missing.items()),
        )
