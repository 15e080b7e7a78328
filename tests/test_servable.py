import concurrent.futures
import shutil

import numpy as np
import pytest
import tensorflow as tf
from exported_model import MODALITIES, exported_model, pictures

from nfs_keras.serving.stand_in.request_error import RequestError
from nfs_keras.serving.stand_in.servable import Batching, Servable

PICTURES = pictures(6)


@pytest.fixture(scope="module")
def servable():
    patient = Batching(batch_timeout_micros=50_000)
    return Servable(exported_model(), batching=patient, warm_up=False)


def as_input(files):
    array = np.empty(len(files), dtype=object)
    array[:] = files
    return {"image_bytes": array}


def alone():
    """What each picture gets when it is asked for by itself."""
    signatures = tf.saved_model.load(str(exported_model())).signatures
    return {
        name: signatures[name](image_bytes=tf.constant(PICTURES))["embedding"]
        for name in MODALITIES
    }


def test_endpoints_asked_at_once_do_not_fall_into_one_batch(servable):
    expected = alone()

    def ask(number):
        modality, i = MODALITIES[number % 2], number % len(PICTURES)
        answer = servable.predict(modality, as_input([PICTURES[i]]))
        difference = answer["embedding"][0] - expected[modality][i]
        return float(np.abs(difference).max())

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert max(threads.map(ask, range(48))) < 1e-5


def test_more_pictures_than_a_batch_holds_are_split(servable):
    files = PICTURES * 7  # 42 where 32 fit
    answer = servable.predict("visible", as_input(files))
    expected = np.tile(alone()["visible"], (7, 1))
    np.testing.assert_allclose(answer["embedding"], expected, atol=1e-5)


def test_an_empty_request_is_answered_by_nothing(servable):
    answer = servable.predict("visible", as_input([]))
    assert answer["embedding"].shape[0] == answer["valid"].shape[0] == 0


@pytest.mark.parametrize(
    ("name", "inputs", "message"),
    [
        ("invisible", {}, "not found"),
        ("visible", {"image": PICTURES}, "inputs must be"),
        ("visible", {"image_bytes": np.zeros(2, "float32")}, "must be string"),
        ("visible", {"image_bytes": np.array(b"x", object)}, "must be string"),
        ("visible_pixels", {"image": np.zeros((1, 2, 3, 4), "uint8")}, "shape"),
        ("visible_pixels", {"image": np.zeros((1, 0, 3, 3), "uint8")}, "size"),
    ],
)
def test_a_wrong_request_is_refused_with_a_reason(
    servable, name, inputs, message
):
    with pytest.raises(RequestError, match=message):
        servable.predict(name, inputs)


def test_warm_up_requests_pass(servable):
    servable.warm_up()


def test_a_model_that_was_tampered_with_is_not_loaded(tmp_path):
    version = shutil.copytree(exported_model(), tmp_path / "1")
    (version / "model_card.md").write_text("trust me")
    with pytest.raises(ValueError, match=r"model_card\.md"):
        Servable(version)
