from types import SimpleNamespace
from typing import NamedTuple

import keras
import numpy as np
import pytest

from nfs_keras.callbacks import RetrievalEvaluation
from nfs_keras.evaluation import retrieval_metrics


class Sample(NamedTuple):
    path: str
    identity: int
    camera: int
    modality: str


def people(identities, images=3):
    return [
        Sample(f"{modality}/{identity}/{i}", identity, camera, modality)
        for camera, modality in enumerate(("visible", "infrared"), 1)
        for identity in identities
        for i in range(images)
    ]


DATASET = SimpleNamespace(
    name="regdb",
    query=[s for s in people([8, 9]) if s.modality == "visible"],
    gallery=[s for s in people([8, 9]) if s.modality == "infrared"],
)


class Embed:
    """Random embeddings that are better at every call."""

    def __init__(self):
        self.calls = 0

    def __call__(self, samples):
        self.calls += 1
        rng = np.random.default_rng(0)
        centres = rng.normal(size=(10, 8))
        noise = 4 / self.calls * rng.normal(size=(len(samples), 8))
        return centres[[s.identity for s in samples]] + noise


def one_hot(samples):
    return np.eye(6)[[s.identity for s in samples]]


def fit(callbacks, epochs):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    inputs = np.ones((4, 2))
    return model.fit(
        inputs, inputs[:, :1], epochs=epochs, verbose=0, callbacks=callbacks
    ).history


def test_the_logs_receive_the_mean_of_both_directions():
    samples = people(range(6))
    embed = Embed()
    evaluation = RetrievalEvaluation(embed, samples, DATASET, ranks=(1, 5))
    history = fit([evaluation], epochs=1)
    embeddings = Embed()(samples)
    sides = embeddings[:18], embeddings[18:]
    identities = np.repeat(np.arange(6), 3)
    both = [
        retrieval_metrics(*pair, identities, identities, ranks=(1, 5))
        for pair in (sides, sides[::-1])
    ]
    for name, value in both[0].percent().items():
        mean = (value + both[1].percent()[name]) / 2
        assert history[f"val_{name}"] == [pytest.approx(mean)]


def test_epochs_between_measurements_repeat_the_last():
    embed = Embed()
    evaluation = RetrievalEvaluation(embed, people(range(6)), DATASET, every=3)
    history = fit([evaluation], epochs=7)["val_mean_ap"]
    assert embed.calls == 3  # epochs 1, 3 and 6
    assert history[0] == history[1]
    assert history[2] == history[3] == history[4]
    assert history[5] == history[6]
    assert len({history[0], history[2], history[5]}) == 3


def test_early_stopping_and_checkpoints_see_the_metrics(tmp_path):
    file = str(tmp_path / "best.keras")
    history = fit(
        [
            RetrievalEvaluation(one_hot, people(range(6)), DATASET),
            keras.callbacks.EarlyStopping("val_mean_ap", mode="max"),
            keras.callbacks.ModelCheckpoint(
                file, "val_rank1", mode="max", save_best_only=True
            ),
        ],
        epochs=9,
    )
    assert history["val_mean_ap"] == [100, 100]
    assert keras.saving.load_model(file).count_params() == 3


def test_test_people_raise():
    with pytest.raises(ValueError, match="2 of 3 identities are test"):
        RetrievalEvaluation(Embed(), people([7, 8, 9]), DATASET)


def test_test_people_may_be_forced():
    samples = people([7, 8, 9])
    evaluation = RetrievalEvaluation(Embed(), samples, DATASET, allow_test=True)
    assert "val_rank1" in fit([evaluation], epochs=1)


def test_both_modalities_are_needed():
    with pytest.raises(ValueError, match=r"modalities=\['visible'\]"):
        RetrievalEvaluation(Embed(), people([1])[:3], DATASET)


def test_other_protocols_apply_their_rules():
    samples = [
        s._replace(camera=3 if s.modality == "infrared" else 2)
        for s in people(range(6))
    ]
    evaluation = RetrievalEvaluation(
        Embed(), samples, DATASET, queries=("infrared",), protocol="sysu_mm01"
    )
    with pytest.raises(ValueError, match="18 camera rule"):
        fit([evaluation], epochs=1)


def test_epochs_are_counted_from_one():
    with pytest.raises(ValueError, match="every=0"):
        RetrievalEvaluation(Embed(), people([1]), DATASET, every=0)
