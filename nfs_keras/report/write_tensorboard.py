"""A run as TensorBoard shows it: scalars, gates as images, projector."""

import csv
import pathlib

import cv2
import numpy as np

from nfs_keras.modalities import MODALITIES
from nfs_keras.report.pictures import read_picture
from nfs_keras.report.run import Run
from nfs_keras.report.style import extra

SPRITE = 64  # pixels of a picture in the projector
MAX_POINTS = 5000  # pictures in the projector: its sprite must stay below 8192

PROJECTOR = f"""embeddings {{
  tensor_name: "test pictures"
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
    and the embeddings of the last network with their pictures for the
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
    embeddings = run.last_embeddings()
    if embeddings is not None:
        some = embeddings.take(slice(MAX_POINTS))
        write_projector(log_dir, some, run.dataset.get("root", ""))
    return log_dir


def write_events(folder, events):
    """Writes pairs of epoch and value to one event file."""
    writers = extra("tensorboard.summary.writer.event_file_writer")
    event = extra("tensorboard.compat.proto.event_pb2").Event
    summary = extra("tensorboard.compat.proto.summary_pb2").Summary
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
    """Draws the gates of one modality, eight screen pixels each."""
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


def write_projector(folder, embeddings, root):
    """Writes vectors, their labels and their pictures for the projector."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savetxt(folder / "vectors.tsv", embeddings.embedding, "%.5g", "\t")
    with open(folder / "labels.tsv", "w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, delimiter="\t", lineterminator="\n")
        lines.writerow(["identity", "camera", "modality", "path"])
        for path, *facts in zip(*embeddings[:4], strict=True):
            path = " ".join(path.split())  # a tab would part a column
            lines.writerow([*facts, path])
    write_sprite(folder / "sprite.png", embeddings, root)
    (folder / "projector_config.pbtxt").write_text(PROJECTOR, "utf-8")


def write_sprite(file, embeddings, root):
    """Writes all pictures as one square sheet; a missing one is grey."""
    side = max(1, int(np.ceil(np.sqrt(len(embeddings.path)))))
    sheet = np.full((side * SPRITE, side * SPRITE, 3), 150, np.uint8)
    for position, path in enumerate(embeddings.path):
        picture = read_picture(str(path), root, SPRITE)
        if picture is None:
            continue
        y, x = (SPRITE * k for k in divmod(position, side))
        picture = cv2.resize(picture, (SPRITE, SPRITE))
        sheet[y : y + SPRITE, x : x + SPRITE] = picture[..., ::-1]
    _, content = cv2.imencode(".png", sheet)
    file.write_bytes(content.tobytes())
