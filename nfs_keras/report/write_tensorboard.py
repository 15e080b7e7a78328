"""Writes a run for TensorBoard: scalars, gates as images, the projector."""

import csv
import pathlib

import cv2
import numpy as np

from nfs_keras.modalities import MODALITIES
from nfs_keras.report.run import Run, sample_at, select
from nfs_keras.report.style import read_image, report_import

SPRITE = 64  # pixels of an image in the projector
MAX_POINTS = 5000  # images in the projector: its sprite must stay below 8192

PROJECTOR = f"""embeddings {{
  tensor_name: "test images"
  tensor_path: "vectors.tsv"
  metadata_path: "labels.tsv"
  sprite {{
    image_path: "sprite.png"
    single_image_dim: [{SPRITE}, {SPRITE}]
  }}
}}
"""


def write_tensorboard(run_dir, log_dir=None):
    """Writes the logs of a finished run for TensorBoard.

    Scalars by stage, the gates of every epoch as images (bright is kept),
    and the embeddings of the last network with their images for the
    projector. Parts that the run lacks are left out.

    Args:
        run_dir: Path of the run's folder.
        log_dir: Folder to write to. Defaults to `tensorboard/report` in the
            run's folder.

    Returns:
        The `pathlib.Path` of the logs, for `tensorboard --logdir`.

    Raises:
        ValueError: If `run_dir` is no run folder.
    """
    run = Run(run_dir)
    log_dir = pathlib.Path(log_dir or run.directory / "tensorboard/report")
    for stage, curves in run.history.items():
        write_events(log_dir / stage, scalar_events(curves))
    if run.gates:
        write_events(log_dir / "gates", gate_events(run.gates))
    embedded = run.last_embeddings()
    if embedded is not None:
        some = select(embedded, slice(MAX_POINTS))
        write_projector(log_dir, some, run.dataset.get("root", ""))
    return log_dir


def write_events(folder, events):
    """Writes pairs of epoch and value to one event file."""
    writers = report_import("tensorboard.summary.writer.event_file_writer")
    event = report_import("tensorboard.compat.proto.event_pb2").Event
    summary = report_import("tensorboard.compat.proto.summary_pb2").Summary
    writer = writers.EventFileWriter(str(folder))
    for step, values in events:
        values = [summary.Value(**value) for value in values]
        writer.add_event(event(step=step, summary=summary(value=values)))
    writer.close()


def scalar_events(curves):
    """Yields the known metrics of every epoch of a stage."""
    num_epochs = max(map(len, curves.values()), default=0)
    for epoch in range(num_epochs):
        yield (
            epoch,
            [
                {"tag": metric, "simple_value": float(values[epoch])}
                for metric, values in curves.items()
                if np.isfinite(values[epoch])
            ],
        )


def gate_events(gates):
    """Yields the keep-probabilities of every epoch as images."""
    num_epochs = min(map(len, gates.values()))
    for epoch in range(num_epochs):
        yield (
            epoch,
            [
                {"tag": f"{name}/{modality}", "image": gate_image(logits)}
                for name, epochs in gates.items()
                for modality, logits in zip(
                    MODALITIES, epochs[epoch], strict=False
                )
            ],
        )


def gate_image(logits):
    """Renders the gates of one modality, eight screen pixels each."""
    if logits.ndim == 1:
        columns = int(np.ceil(np.sqrt(len(logits))))
        missing = -len(logits) % columns
        logits = np.pad(logits, (0, missing), constant_values=-np.inf)
        logits = logits.reshape(-1, columns)
    gray = np.uint8(255 * (0.5 + 0.5 * np.tanh(logits / 2)))
    gray = np.kron(gray, np.ones((8, 8), np.uint8))
    _, content = cv2.imencode(".png", gray)
    height, width = gray.shape
    return {
        "height": height,
        "width": width,
        "colorspace": 1,
        "encoded_image_string": content.tobytes(),
    }


def write_projector(folder, embedded, root):
    """Writes vectors, their labels and their images for the projector."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savetxt(folder / "vectors.tsv", embedded["embedding"], "%.5g", "\t")
    with open(folder / "labels.tsv", "w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, delimiter="\t", lineterminator="\n")
        lines.writerow(["identity", "camera", "modality", "path"])
        for position in range(len(embedded["path"])):
            path, *facts = sample_at(embedded, position)
            path = " ".join(path.split())  # a tab would divide a column
            lines.writerow([*facts, path])
    write_sprite(folder / "sprite.png", embedded["path"], root)
    (folder / "projector_config.pbtxt").write_text(PROJECTOR, "utf-8")


def write_sprite(file, paths, root):
    """Writes all images as one square sheet; a missing one is grey."""
    side = max(1, int(np.ceil(np.sqrt(len(paths)))))
    sheet = np.full((side * SPRITE, side * SPRITE, 3), 150, np.uint8)
    for position, path in enumerate(paths):
        image = read_image(str(path), root, SPRITE)
        if image is None:
            continue
        y, x = (SPRITE * k for k in divmod(position, side))
        image = cv2.resize(image, (SPRITE, SPRITE))
        sheet[y : y + SPRITE, x : x + SPRITE] = image[..., ::-1]
    _, content = cv2.imencode(".png", sheet)
    file.write_bytes(content.tobytes())
