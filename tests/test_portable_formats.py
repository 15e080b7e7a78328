import keras
import numpy as np
import pytest
from exported_model import IMAGE_SHAPE, MODALITIES, searched_network

from nfs_keras.serving import export_litert, export_onnx, portable_formats
from nfs_keras.serving.portable_formats import check_parity


class Network:
    """Two very small encoders, for converting a large one takes its time."""

    image_shape = IMAGE_SHAPE

    def __init__(self):
        keras.utils.set_random_seed(0)
        self.encoders = {name: self.make() for name in MODALITIES}

    def make(self):
        image = keras.Input(IMAGE_SHAPE, name="image")
        maps = keras.layers.Conv2D(4, 3, activation="relu")(image / 255.0)
        maps = keras.layers.BatchNormalization()(maps)
        embedding = keras.layers.GlobalAveragePooling2D()(maps)
        embedding = keras.layers.UnitNormalization()(embedding)
        return keras.Model(image, embedding)

    def encoder(self, modality):
        return self.encoders[modality]


FORMATS = pytest.mark.parametrize(
    ("export", "suffix"), [(export_onnx, "onnx"), (export_litert, "tflite")]
)


@FORMATS
def test_both_encoders_are_written_and_answer_alike(export, suffix, tmp_path):
    paths = export(Network(), tmp_path / "new")
    assert paths == {m: tmp_path / f"new/{m}.{suffix}" for m in MODALITIES}


def test_a_searched_network_answers_alike_in_onnx(tmp_path):
    paths = export_onnx(searched_network(), tmp_path)
    import onnxruntime

    session = onnxruntime.InferenceSession(str(paths["infrared"]))
    (image,), (embedding,) = session.get_inputs(), session.get_outputs()
    assert (image.name, embedding.name) == ("image", "embedding")
    assert image.shape[1:] == list(IMAGE_SHAPE)


@FORMATS
def test_a_wrong_answer_is_not_let_pass(export, suffix, tmp_path, monkeypatch):
    run = portable_formats.run_onnx
    if suffix == "tflite":
        run = portable_formats.run_litert

    def wrong_above_one(path, images):
        return [
            answer[:1].repeat(len(answer), 0) for answer in run(path, images)
        ]

    monkeypatch.setattr(portable_formats, run.__name__, wrong_above_one)
    with pytest.raises(RuntimeError, match="batch size 2"):
        export(Network(), tmp_path)


def test_a_nan_is_no_parity():
    with pytest.raises(RuntimeError, match="nan"):
        check_parity("x.onnx", [np.zeros((1, 2))], [np.full((1, 2), np.nan)])
