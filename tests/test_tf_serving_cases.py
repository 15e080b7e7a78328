import json
import math

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tf_serving_cases import (
    CASES,
    DIFFERENT,
    IN_PART,
    NOT_COMPARED,
    VERSION,
    HalfPlusTwo,
)

from nfs_keras.serving import StandInServer

UTIL = "predict_util_test: "
SERVER = "tensorflow_model_server_test: "


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    module = HalfPlusTwo()
    path = folder / "00000123"
    tf.saved_model.save(module, path, signatures=module.signatures())
    with StandInServer(folder, "model", None, verify=False) as server:
        yield server


def same(a, b):
    """Whether two JSON values are equal, numbers to float32."""
    if isinstance(a, dict) and isinstance(b, dict):
        return set(a) == set(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, int | float) and isinstance(b, int | float):
        both_nan = math.isnan(a) and math.isnan(b)
        return both_nan or math.isclose(a, b, rel_tol=1e-6)
    return a == b


def agrees(server, case):
    response = requests.request(
        case.method, server.rest_address + case.path, data=case.body, timeout=60
    )
    assert response.headers["Content-Type"] == "application/json"
    answer = response.json()
    if response.status_code != 200:
        assert set(answer) == {"error"} and answer["error"]
    wanted = case.answer if case.answer is not None else answer
    return response.status_code == case.status and same(answer, wanted)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.test)
def test_rest_answers_as_tf_serving_does(server, case):
    assert agrees(server, case) == (case.test not in DIFFERENT)


@pytest.fixture(scope="module")
def stubs(server):
    with grpc.insecure_channel(server.grpc_address) as channel:
        yield (
            prediction_service_pb2_grpc.PredictionServiceStub(channel),
            model_service_pb2_grpc.ModelServiceStub(channel),
        )


def request(name="model", signature="", outputs=(), **inputs):
    message = predict_pb2.PredictRequest()
    message.model_spec.name = name
    message.model_spec.version.value = VERSION
    message.model_spec.signature_name = signature
    message.output_filter.extend(outputs)
    for key, value in inputs.items():
        message.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return message


TWO = np.float32(2.0)
GRPC = [
    (UTIL + "MissingOrEmptyModelSpec", predict_pb2.PredictRequest()),
    (UTIL + "MissingOrEmptyModelSpec", request(name="")),
    (UTIL + "EmptyInputList", request()),
    (
        UTIL + "InputTensorsDontMatchModelSpecInputs",
        request(unknown_key1=[b"any"], unknown_key2=[1.0]),
    ),
    (UTIL + "PredictionInvalidTensor", request(x=True)),
    (
        UTIL + "OutputFiltersDontMatchModelSpecOutputs",
        request(x=TWO, outputs=["output_filter"]),
    ),
    (
        UTIL + "OutputFiltersDontMatchModelSpecOutputs",
        request(x=TWO, outputs=["y", "y"]),
    ),
    (UTIL + "InputTensorsHaveWrongType", request(x=[b"any"], outputs=["y"])),
]
ANSWERED = [
    (UTIL + "OutputFiltersDontMatchModelSpecOutputs", "y", 3.0, {"x": TWO}),
    (UTIL + "PredictionSuccess", "y", 3.0, {"x": TWO}),
    (
        UTIL + "PredictionWithNamedRegressionSignature",
        "outputs",
        4.0,
        {"inputs": TWO, "signature": "regress_x2_to_y3"},
    ),
    (
        UTIL + "PredictionWithNamedClassificationSignature",
        "scores",
        4.0,
        {"inputs": TWO, "signature": "classify_x2_to_y3"},
    ),
    (SERVER + "testPredictSavedModel", "y", 3.0, {"x": TWO}),
    (SERVER + "test_tf_saved_model_save", "y", 3.0, {"x": TWO}),
    (
        SERVER + "test_tf_saved_model_save_multiple_signatures",
        "default",
        2.0,
        {"default": TWO, "signature": "float"},
    ),
]


@pytest.mark.parametrize(("test", "message"), GRPC, ids=lambda x: str(x)[:50])
def test_grpc_rejects_as_tf_serving_does(stubs, test, message):
    with pytest.raises(grpc.RpcError) as error:
        stubs[0].Predict(message, timeout=60)
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(("test", "key", "value", "inputs"), ANSWERED)
def test_grpc_answers_as_tf_serving_does(stubs, test, key, value, inputs):
    response = stubs[0].Predict(request(**inputs), timeout=60)
    assert response.model_spec.name == "model"
    assert response.model_spec.version.value == VERSION
    default = inputs.get("signature", "serving_default")
    assert response.model_spec.signature_name == default
    assert tf.make_ndarray(response.outputs[key]) == value


OTHERS = (
    SERVER + "testGetModelStatus",
    SERVER + "testGetModelMetadata",
    SERVER + "testGetModelMetadataREST",
    "http_rest_api_handler_test: GetModelMetadata",
    SERVER + "test_sequential_keras_saved_model_save",
    UTIL + "PredictionWithCustomizedSignatures",
)


def test_status_and_metadata_are_those_of_tf_serving(server, stubs):
    status = get_model_status_pb2.GetModelStatusRequest()
    with pytest.raises(grpc.RpcError, match="INVALID_ARGUMENT"):
        stubs[1].GetModelStatus(status)
    status.model_spec.name = "model"
    (entry,) = stubs[1].GetModelStatus(status).model_version_status
    assert (entry.version, entry.status.error_code) == (VERSION, 0)
    metadata = get_model_metadata_pb2.GetModelMetadataRequest()
    metadata.model_spec.name = "model"
    with pytest.raises(grpc.RpcError, match="INVALID_ARGUMENT"):
        stubs[0].GetModelMetadata(metadata)
    metadata.metadata_field.append("signature_def")
    answer = stubs[0].GetModelMetadata(metadata)
    assert answer.model_spec.version.value == VERSION
    assert list(answer.metadata) == ["signature_def"]
    signatures = get_model_metadata_pb2.SignatureDefMap()
    answer.metadata["signature_def"].Unpack(signatures)
    model = f"{server.rest_address}/v1/models/model"
    by_rest = requests.get(f"{model}/metadata", timeout=60).json()
    assert by_rest["model_spec"] == {
        "name": "model",
        "signature_name": "",
        "version": "123",
    }
    again = json_format.ParseDict(
        by_rest["metadata"]["signature_def"],
        get_model_metadata_pb2.SignatureDefMap(),
    )
    assert again == signatures
    x = by_rest["metadata"]["signature_def"]["signature_def"][
        "serving_default"
    ]["inputs"]["x"]
    assert x == {
        "dtype": "DT_FLOAT",
        "name": "serving_default_x:0",
        "tensor_shape": {"dim": [], "unknown_rank": True},
    }


@tf.function(input_signature=[])
def nothing_in():
    return {"output": tf.constant(7.0)}


def test_models_of_other_makers_are_served(tmp_path):
    import keras

    inputs = keras.Input((1,), name="x")
    model = keras.Model(inputs, keras.layers.Identity(name="y")(inputs))
    model.export(tmp_path / "1", verbose=False)
    module = tf.Module()
    tf.saved_model.save(
        module, tmp_path / "2", signatures={"get_counter": nothing_in}
    )
    with StandInServer(tmp_path, "model", None, verify=False) as server:
        base = f"{server.rest_address}/v1/models/model/versions"
        answer = requests.post(
            f"{base}/1:predict", json={"instances": [[2.0]]}, timeout=60
        )
        assert answer.json() == {"predictions": [[2.0]]}
        message = request(signature="get_counter")
        message.model_spec.version.value = 2
        with grpc.insecure_channel(server.grpc_address) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            answer = stub.Predict(message, timeout=60)
        assert tf.make_ndarray(answer.outputs["output"]) == 7.0


def test_it_prints_how_many_agree_and_why_others_do_not(capsys):
    compared = {case.test for case in CASES}
    compared |= {row[0] for row in (*GRPC, *ANSWERED)} | set(OTHERS)
    total = len(compared) + len(NOT_COMPARED)
    assert not compared & set(NOT_COMPARED) and set(DIFFERENT) <= compared
    assert total == 90 and set(IN_PART) <= compared
    with capsys.disabled():
        print(f"\n{len(compared) - len(DIFFERENT)} of {total} tests agree")
        for test, why in (DIFFERENT | NOT_COMPARED | IN_PART).items():
            part = "all of " if test in IN_PART else ""
            print(f"  not {part}{test}: {why}")
    assert json.dumps(DIFFERENT)
