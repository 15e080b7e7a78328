import csv

import cv2
import numpy as np
import pytest
from fake_run import EPOCHS, write_run_folder
from google.protobuf import text_format
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from nfs_keras.report.run import Run
from nfs_keras.report.write_tensorboard import (
    SPRITE,
    gate_image,
    write_tensorboard,
)


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    run = write_run_folder(tmp_path_factory.mktemp("runs") / "run")
    return Run(run), write_tensorboard(run)


def read(folder):
    return EventAccumulator(str(folder)).Reload()


def test_scalars_are_those_of_the_history(logs):
    run, folder = logs
    for stage, curves in run.history.items():
        events = read(folder / stage)
        assert set(events.Tags()["scalars"]) == set(curves)
        for metric, values in curves.items():
            found = [event.value for event in events.Scalars(metric)]
            np.testing.assert_allclose(found, values, rtol=1e-6)


def test_every_gate_is_an_image_of_each_modality(logs):
    run, folder = logs
    tags = read(folder / "gates").Tags()["images"]
    assert set(tags) == {
        f"{name}/{modality}"
        for name in run.gates
        for modality in ("visible", "infrared")
    }


def test_images_stand_at_their_epochs(logs):
    _, folder = logs
    events = EventAccumulator(str(folder / "gates"), {"images": 0}).Reload()
    steps = [x.step for x in events.Images("stage1_spatial/visible")]
    assert steps == list(range(EPOCHS))


def test_open_gates_are_bright_and_closed_ones_dark():
    image = gate_image(np.array([[100.0, -100.0]]))
    code = np.frombuffer(image["encoded_image_string"], np.uint8)
    gray = cv2.imdecode(code, cv2.IMREAD_GRAYSCALE)
    assert gray.shape == (image["height"], image["width"]) == (8, 16)
    assert np.all(gray[:, :8] == 255) and np.all(gray[:, 8:] == 0)


def test_channels_are_laid_out_in_a_square():
    image = gate_image(np.zeros(10))
    assert (image["height"], image["width"]) == (24, 32)


def test_the_projector_finds_vectors_labels_and_images(logs):
    run, folder = logs
    text = (folder / "projector_config.pbtxt").read_text()
    (settings,) = text_format.Parse(text, ProjectorConfig()).embeddings
    embedded = run.last_embeddings()
    vectors = np.loadtxt(folder / settings.tensor_path)
    np.testing.assert_allclose(vectors, embedded["embedding"], rtol=1e-4)
    with open(folder / settings.metadata_path, newline="") as file:
        labels = list(csv.DictReader(file, delimiter="\t"))
    assert [x["path"] for x in labels] == list(embedded["path"])
    assert list(settings.sprite.single_image_dim) == [SPRITE, SPRITE]
    sheet = cv2.imread(str(folder / settings.sprite.image_path))
    assert sheet.shape == (9 * SPRITE, 9 * SPRITE, 3)  # 80 images


def test_a_run_without_search_has_no_gates(tmp_path):
    (tmp_path / "history.csv").write_text("stage,epoch,loss\nbaseline,0,2\n")
    folder = write_tensorboard(tmp_path, tmp_path / "logs")
    assert [x.name for x in folder.iterdir()] == ["baseline"]
