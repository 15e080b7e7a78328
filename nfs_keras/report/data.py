"""The sections on the data of a run, and on how to repeat the run."""

import shlex

import numpy as np

from nfs_keras.modalities import MODALITIES
from nfs_keras.report.blocks import Code, Facts, Note, Strip, Table, tile
from nfs_keras.report.run import sample_at, select_modality
from nfs_keras.text_tables import (
    format_duration,
    format_facts,
    format_value,
)

NUM_PEOPLE = 4


def describe_data(run):
    """Yields what the run was trained and tested on."""
    facts = {k: v for k, v in run.dataset.items() if k != "statistics"}
    if facts:
        counts = run.dataset.get("statistics") or {}
        yield Facts("Dataset", format_facts(facts) + format_facts(counts))
    else:
        yield Note("The dataset is not known: run.json names none.")
    embedded = run.last_embeddings()
    if embedded is None:
        yield Note("There are no embeddings of test images.")
        return
    sides = [select_modality(embedded, modality) for modality in MODALITIES]
    yield count_images(sides)
    yield show_people(run, sides)


def count_images(sides):
    """Tabulates test images, identities and cameras by modality."""
    rows = []
    for modality, side in zip(MODALITIES, sides, strict=True):
        distinct = (len(np.unique(side[x])) for x in ("identity", "camera"))
        counts = (len(side["path"]), *distinct)
        rows.append([modality, *map(format_value, counts)])
    header = ["modality", "images", "identities", "cameras"]
    return Table("Test images", header, rows)


def show_people(run, sides):
    """Shows a few people of the test set in both modalities."""
    people = np.intersect1d(*(side["identity"] for side in sides))
    samples = [
        sample_at(side, np.flatnonzero(side["identity"] == person)[0])
        for person in people[:NUM_PEOPLE]
        for side in sides
    ]
    root = run.dataset.get("root")
    tiles = [tile(sample, root or "") for sample in samples]
    if not any(x.uri for x in tiles):
        return Note(f"The test images were not found. Looked in: {root}.")
    return Strip("A few people of the test set, in both modalities", tiles)


def describe_reproduction(run):
    """Yields what is needed to run the same again."""
    command = run.info.get("command")
    if command:
        yield Code(shlex.join(map(str, command)))
    else:
        yield Note("The command is not known: run.json names none.")
    for caption, name in (("Options", "options"), ("Versions", "versions")):
        if run.info.get(name):
            yield Facts(caption, format_facts(run.info[name]))
    facts = {name: run.info.get(name) for name in ("seed", "started")}
    facts["folder"] = str(run.directory)
    facts["fingerprint of the data"] = run.dataset.get("fingerprint")
    yield Facts("This run", format_facts(facts))
    if stages := run.info.get("stages"):
        times = [
            (name, format_duration(stage.get("seconds")))
            for name, stage in stages.items()
        ]
        yield Facts("Time of each stage", times)
    if run.missing:
        yield Facts("Parts that are missing", list(run.missing.items()))
