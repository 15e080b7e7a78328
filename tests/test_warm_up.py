import numpy as np
import pytest
import tensorflow as tf
from exported_model import exported_model
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from nfs_keras.serving.warm_up import BATCH_SIZES, WARM_UP_FILE


@pytest.fixture(scope="module")
def requests():
    records = tf.data.TFRecordDataset(str(exported_model() / WARM_UP_FILE))
    logs = [PredictionLog.FromString(r.numpy()) for r in records]
    return [log.predict_log.request for log in logs]


def test_every_endpoint_is_warmed_up_with_every_batch_size(requests):
    signatures = tf.saved_model.load(str(exported_model())).signatures
    warmed = {
        (
            request.model_spec.signature_name,
            next(iter(request.inputs.values())).tensor_shape.dim[0].size,
        )
        for request in requests
    }
    expected = {(name, size) for name in signatures for size in BATCH_SIZES}
    assert warmed == expected and len(requests) == len(expected)
    assert len(requests) <= 1000  # TF-Serving takes no more


def test_every_request_is_one_that_the_model_answers(requests):
    signatures = tf.saved_model.load(str(exported_model())).signatures
    for request in requests:
        assert request.model_spec.name == "nfs_reid"
        inputs = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
        outputs = signatures[request.model_spec.signature_name](
            **{k: tf.constant(v) for k, v in inputs.items()}
        )
        assert all(
            np.all(np.isfinite(v))
            for v in outputs.values()
            if v.dtype == tf.float32
        )
        assert np.all(outputs.get("valid", True))
