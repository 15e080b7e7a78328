"""Writes a model card: origin, results, intended use and limits of a model."""

import json
import pathlib

import numpy as np
import tensorflow as tf

from nfs_keras.modalities import DIRECTIONS, MODALITIES

CARD = """\
# Model card: person re-identification between visible and infrared

{description}

## Endpoints
{endpoints}

## Data
{data}

## Results
{metrics}

## Architecture
{architecture}

## Intended use
Given an image of a person from a visible or an infrared camera, rank the
images of the other modality by how likely they show the same person, for a
human to check. Input: one person, cropped; JPEG, PNG or BMP. Normalisation
and resizing are part of the model: send raw images.

## Limits
- A ranking is a hint and no proof of identity. Do not decide anything about a
  person by it alone, and do not use it where the law requires a consent or a
  permit that you do not have.
- The results above are valid for the cameras, places and people of the data
  above. Test the model and any threshold on your own data before use.
- It recognises clothing and build more than faces: it does not recognise a
  person who has changed clothes, and its accuracy may differ between groups of
  people. That was not measured here.
- Embeddings are personal data, because they identify a person. Store and
  delete them like the images.
- Embeddings of two models, or of two versions of one, cannot be compared.

## Reference
Chen, Wan, Li, Jing, Sun, "Neural Feature Search for RGB-Infrared Person
Re-Identification", CVPR 2021.
"""

METRICS = ("rank1", "rank5", "rank10", "rank20", "mean_ap", "mean_inp")


def write_model_card(
    directory, precision: str = "float32", run=None
) -> pathlib.Path:
    """Writes `model_card.md` into a model version.

    Args:
        directory: A model version, such as `saved_model/1`.
        precision: The precision that it computes in.
        run: Path of the run folder whose `run.json`, `metrics.json` and
            `architecture.json` the card describes, as far as they exist.
            Defaults to `None`.

    Returns:
        Path of the card.
    """
    facts = {
        name: read(run, f"{name}.json")
        for name in ("run", "metrics", "architecture")
    }
    text = CARD.format(
        description=describe(facts["run"], precision),
        endpoints=describe_endpoints(directory),
        data=describe_data(facts["run"].get("dataset")),
        metrics=describe_metrics(facts["metrics"].get("rows", ())),
        architecture=describe_architecture(
            facts["architecture"], facts["run"].get("options", {})
        ),
    )
    path = pathlib.Path(directory) / "model_card.md"
    path.write_text(text, encoding="utf-8")
    return path


def read(run, name: str) -> dict:
    """Reads a file of the run folder; empty if there is none."""
    path = run and pathlib.Path(run) / name
    if not path or not path.is_file():
        return {}
    return json.loads(path.read_text(encoding="utf-8"))


def describe(run: dict, precision: str) -> str:
    """Describes how the model was made."""
    lines = [f"Computes in {precision}."]
    if run:
        command = " ".join(map(str, run.get("command", ())))
        lines.append(f"Made by `{command}`, started {run.get('started')}.")
        lines += [f"{k} {v}." for k, v in run.get("versions", {}).items()]
    return " ".join(lines)


def describe_endpoints(directory) -> str:
    """Lists the endpoints of the SavedModel, in a table."""
    signatures = tf.saved_model.load(str(directory)).signatures
    rows = []
    for name, signature in sorted(signatures.items()):
        inputs = signature.structured_input_signature[1]
        outputs = signature.structured_outputs
        rows.append([name, describe_tensors(inputs), describe_tensors(outputs)])
    return table(["endpoint", "inputs", "outputs"], rows)


def describe_tensors(tensors: dict) -> str:
    """Lists tensors with type and shape; unknown sizes are shown as `?`."""
    return ", ".join(
        f"`{name}` {spec.dtype.name} "
        f"({', '.join('?' if n is None else str(n) for n in spec.shape)})"
        for name, spec in sorted(tensors.items())
    )


def describe_data(dataset: dict | None) -> str:
    """Describes the data of training and test."""
    if not dataset:
        return "Not recorded: the model was exported without its run folder."
    rows = [
        [k, v] for k, v in dataset.items() if k not in ("root", "statistics")
    ]
    rows += [[k, v] for k, v in (dataset.get("statistics") or {}).items()]
    return table(["what", "value"], rows)


def describe_metrics(rows) -> str:
    """Shows every row of `metrics.json`, in percent."""
    if not rows:
        return "Not recorded: test the model before use."
    cells = [
        [
            row["name"],
            direction.replace("_", " "),
            *(f"{row[direction][name]:.2f}" for name in METRICS),
        ]
        for row in rows
        for direction in DIRECTIONS
        if direction in row
    ]
    return table(["network", "direction", *METRICS], cells)


def describe_architecture(architecture: dict, options: dict) -> str:
    """Lists the share that the search kept in each gate."""
    if not architecture:
        return "Not recorded."
    rows = [
        [gate, *(f"{np.mean(kept):.1%}" for kept in by_modality)]
        for gate, by_modality in architecture.get("gates", {}).items()
    ]
    backbone = options.get("backbone", "not recorded")
    header = ["gate", *MODALITIES]
    return f"Backbone: {backbone}.\n\n{table(header, rows)}"


def table(header: list, rows: list) -> str:
    """Formats a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
