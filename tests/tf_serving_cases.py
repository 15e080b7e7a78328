"""What TF-Serving's own tests ask, and what they expect to be answered.

Each case names the file and the test in tensorflow/serving (at 2.20.0) whose
request and answer it states in our words. What is read into a tensor there
shows here in the answer of an endpoint that gives its inputs back.
"""

import json
from typing import Any, NamedTuple

import tensorflow as tf

VERSION = 123
MODEL = "/v1/models/model"
MAX = 1.7976931348623157e308  # of a double
MIN = 2.2250738585072014e-308
INT_2X3X2 = [[[1, 2], [3, 4], [5, 6]], [[7, 8], [9, 0], [1, 2]]]


class Case(NamedTuple):
    """One HTTP request and the status and JSON that must answer it."""

    test: str
    method: str
    path: str
    body: str
    status: int
    answer: Any = None  # not compared


def rows(test, endpoint, instances, predictions=None, status=200):
    """A `:predict` request by row."""
    body = {"signature_name": endpoint, "instances": instances}
    return predict(test, json.dumps(body), status, predictions, "predictions")


def columns(test, endpoint, inputs, outputs=None, status=200):
    """A `:predict` request by column."""
    body = {"signature_name": endpoint, "inputs": inputs}
    return predict(test, json.dumps(body), status, outputs, "outputs")


def predict(test, body, status, answer=None, key="predictions", path=MODEL):
    answer = {key: answer} if status == 200 else None
    return Case(test, "POST", f"{path}:predict", body, status, answer)


def get(test, path, status, answer=None):
    return Case(test, "GET", path, "", status, answer)


def post(test, path, status):
    return Case(test, "POST", path, '{"instances": [1]}', status)


def bytes64(text):
    return {"b64": text}


HELLO, WORLD = bytes64("aGVsbG8="), bytes64("d29ybGQ=")
MANY = [
    {
        "int_tensor": INT_2X3X2[0],
        "str_tensor": ["foo", "bar"],
        "float_tensor": [1.0, float("nan")],
        "dbl_tensor": [float("nan")],
    },
    {
        "int_tensor": INT_2X3X2[1],
        "str_tensor": ["baz", "bat"],
        "float_tensor": [2.0, float("inf")],
        "dbl_tensor": [2.0],
    },
]
COLUMNS = {
    "int_tensor": [[[1, 2], [3, 4], [5, 6]]],
    "str_tensor": ["foo", "bar"],
    "bin_tensor": HELLO,
}
TWO = [
    {"int_tensor": INT_2X3X2[0], "str_tensor": ["foo", "bar"]},
    {"int_tensor": INT_2X3X2[1], "str_tensor": ["baz", "bat"]},
]
MIXED = [1, 2.0, 3, 4, 5.003, 0.007, 0.0]
AVAILABLE = {
    "model_version_status": [
        {
            "version": "123",
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
    ]
}
NESTED = "[" * 500_000 + "]" * 500_000

JSON = "json_tensor_test: "
REST = "http_rest_api_handler_test: "
SERVER = "tensorflow_model_server_test: "

READ = [
    rows(
        JSON + "SingleUnnamedTensor", "int", [[1, 2], [3, 4]], [[1, 2], [3, 4]]
    ),
    predict(
        JSON + "DeeplyNestedWellFormed",
        '{"signature_name": "int", "instances": [1], "nested": ' + NESTED + "}",
        200,
        [1],
    ),
    predict(
        JSON + "DeeplyNestedMalformed",
        '{"signature_name": ' + NESTED + "}",
        400,
    ),
    rows(JSON + "MixedInputForFloatTensor", "float", MIXED, MIXED),
    rows(JSON + "MixedInputForDoubleTensor", "double", MIXED, MIXED),
    *[
        rows(JSON + "FloatTensorWithPrecisionLoss", "float", [x], [1435774380])
        for x in (1435774380, 1435774380.0)
    ],
    rows(
        JSON + "FloatTensorThatExceedsMaxReturnsInf",
        "float",
        [MAX, -MAX],
        [float("inf"), float("-inf")],
    ),
    rows(
        JSON + "FloatTensorThatExceedsMinReturnsZero",
        "float",
        [MIN, -MIN],
        [0, 0],
    ),
    rows(JSON + "SingleUnnamedTensorWithSignature", "int", [[1, 2]], [[1, 2]]),
    predict(
        JSON + "TensorFromNonNullTerminatedBuffer",
        '{"signature_name": "int", "instances": [[1, 2], [3, 4]]}X',
        200,
        [[1, 2], [3, 4]],
    ),
    rows(
        JSON + "SingleUnnamedTensorBase64Scalars",
        "string",
        [HELLO, WORLD],
        ["hello", "world"],
    ),
    rows(
        JSON + "SingleUnnamedTensorBase64Lists",
        "string",
        [[HELLO], [WORLD]],
        [["hello"], ["world"]],
    ),
    rows(
        JSON + "SingleNamedTensorBase64",
        "string",
        [{"default": [[HELLO], [WORLD]]}],
        [[["hello"], ["world"]]],
    ),
    rows(JSON + "MultipleNamedTensor", "many", MANY, MANY),
    columns(
        JSON + "SingleUnnamedTensorColumnarFormat",
        "int",
        {"default": COLUMNS["int_tensor"]},
        COLUMNS["int_tensor"],
    ),
    columns(
        JSON + "SingleUnnamedTensorColumnarFormat",
        "int",
        COLUMNS["int_tensor"],
        COLUMNS["int_tensor"],
    ),
    columns(
        JSON + "MultipleNamedTensorColumnarFormat",
        "columns",
        COLUMNS,
        {**COLUMNS, "bin_tensor": "hello"},
    ),
    predict(JSON + "SingleUnnamedTensorErrors", "", 400),
    predict(
        JSON + "SingleUnnamedTensorErrors",
        '{"signature_name": 5, "instances": [[1, 2]]}',
        400,
    ),
    predict(
        JSON + "SingleUnnamedTensorErrors",
        '{"signature_name": "int", "instances": [1], "inputs": [1]}',
        400,
    ),
    *[
        rows(JSON + "SingleUnnamedTensorErrors", "int", ragged, status=400)
        for ragged in (
            [[1, 2], [3, 4], [5, 6, 7]],
            [[1, 2], [3, 4], [[5, 6]]],
            [1, [1]],
            [[1, 2], ["a", "b"]],
        )
    ],
    *[
        rows(JSON + "MultipleNamedTensorErrors", "two", instances, status=400)
        for instances in (
            [TWO[0], {**TWO[1], "int_tensor": [INT_2X3X2[1]]}],
            [{**TWO[0], "int_tensor": [*INT_2X3X2[0], [7, 8]]}, TWO[1]],
            [TWO[0], [1, 20, 30], TWO[1]],
        )
    ],
    rows(
        JSON + "MultipleNamedTensorErrors",
        "string",
        [["baz", "bar"], {"default": ["baz", "bat"]}],
        status=400,
    ),
]

WRITTEN = [
    rows(JSON + "FromJsonSingleTensor", "int", INT_2X3X2, INT_2X3X2),
    columns(JSON + "FromJsonSingleTensor", "int", INT_2X3X2, INT_2X3X2),
    rows(JSON + "FromJsonSingleScalarTensor", "int", [1, 2, 3], [1, 2, 3]),
    columns(JSON + "FromJsonSingleScalarTensor", "int", [1, 2, 3], [1, 2, 3]),
    rows(
        JSON + "FromJsonSingleBytesTensor",
        "bytes",
        [[HELLO, WORLD], [bytes64("dGY="), bytes64("c2VydmluZw==")]],
        [[HELLO, WORLD], [bytes64("dGY="), bytes64("c2VydmluZw==")]],
    ),
    rows(
        JSON + "FromJsonSingleFloatTensorSixDigitPrecision",
        "float",
        [[9000000, 999999, 0.5], [0.0003, 0.00003, 555557.5]],
        [[9000000, 999999, 0.5], [0.0003, 0.00003, 555557.5]],
    ),
    rows(
        JSON + "FromJsonSingleFloatTensorNonFinite",
        "float",
        [float("nan"), float("inf"), 3, float("-inf")],
        [float("nan"), float("inf"), 3, float("-inf")],
    ),
    columns(JSON + "FromJsonSingleTensorErrors", "complex", 1.0, status=400),
    predict(
        JSON + "FromJsonSingleTensorErrors",
        '{"signature_name": "scalar", "instances": [1.0]}',
        400,
    ),
    rows(JSON + "FromJsonMultipleNamedTensors", "two", TWO, TWO),
    columns(
        JSON + "FromJsonMultipleNamedTensors",
        "two",
        {key: [row[key] for row in TWO] for key in TWO[0]},
        {key: [row[key] for row in TWO] for key in TWO[0]},
    ),
    rows(
        JSON + "FromJsonMultipleNamedTensorsErrors",
        "uneven",
        [1, 2],
        status=400,
    ),
    rows(JSON + "FromJsonSingleZeroBatchTensor", "none", [1, 2], []),
    rows(JSON + "FromJsonMultipleZeroBatchTensors", "none_twice", [1, 2], []),
    rows(
        JSON + "FromJsonMultipleZeroBatchTensorsErrors",
        "none_and_all",
        [1, 2],
        status=400,
    ),
    # An error is `{"error": "..."}`; the runner sees to it.
    predict(JSON + "StatusError", '{"instances": "\\"key\\""}', 400),
]

HTTP = [
    *[
        get(REST + "kPathRegex", path, 404)
        for path in ("/statuspage", "/index")
    ],
    *[
        get(REST + "UnsupportedApiCalls", path, 400)
        for path in (
            "/v1/foo",
            "/v1/models",
            "/v1/models/debug/model_name",
            "/v1/models/foo:predict",
            "/v1/models/foo/version/50:predict",
        )
    ],
    *[
        post(REST + "UnsupportedApiCalls", path, 400)
        for path in (
            "/v1/foo",
            "/v1/models",
            "/v1/models/foo/version/50:regress",
            "/v1/models/foo/versions/HELLO:regress",
            "/v1/models/foo/versions/18446744073709551615:regress",
            "/v1/models/foo/metadata",
            "/v1/models/foo/label/some_label:regress",
            "/v1/models/foo/versions/50/labels/some_label:regress",
        )
    ],
    *[
        post(REST + "PredictModelNameVersionErrors", path, 404)
        for path in (
            "/v1/models/foo:predict",
            "/v1/models/foo/versions/50:predict",
            f"{MODEL}99:predict",
        )
    ],
    predict(REST + "PredictRequestErrors", "", 400),
    predict(REST + "PredictRequestErrors", "instances = [1, 2]", 400),
    predict(REST + "PredictRequestErrors", '{"instances": ["x", "y"]}', 400),
    post(REST + "PredictRequestErrors", f"{MODEL}/labels/none:predict", 400),
    predict(REST + "PredictRequestErrors", '{"signature_name": 100}', 400),
    *[
        predict(
            REST + "Predict",
            '{"instances": [[1.0, 2.0], [3.0, 4.0]]}',
            200,
            [[2.5, 3.0], [3.5, 4.0]],
            path=path,
        )
        for path in (MODEL, f"{MODEL}/versions/123")
    ],
    rows(REST + "Predict", "serving_default", [3.0, 4.0], [3.5, 4.0]),
    columns(REST + "Predict", "serving_default", [3.0, 4.0], [3.5, 4.0]),
    get(REST + "GetStatus", MODEL, 200, AVAILABLE),
    get(REST + "GetStatus", f"{MODEL}/versions/123", 200, AVAILABLE),
    rows(SERVER + "testPredictREST", "", [2.0, 3.0, 4.0], [3.0, 3.5, 4.0]),
    columns(
        SERVER + "testPredictColumnarREST", "", [2.0, 3.0, 4.0], [3.0, 3.5, 4.0]
    ),
    get(SERVER + "testGetStatusREST", MODEL, 200, AVAILABLE),
]

CASES = [*READ, *WRITTEN, *HTTP]

# Where the stand-in answers otherwise, and knows it.
DIFFERENT = {
    JSON + "DeeplyNestedWellFormed": "Python's JSON reader rejects so deep a "
    "nesting, also in a part that is not read: 400",
}

EXAMPLES = "the model has no endpoint that takes examples; UNIMPLEMENTED"
ONE_MODEL = "the stand-in serves one model, from its folder"
LABELS = "by label: there are no version labels; the error is compared"
OTHER_KIND = "it is about a kind of model that we do not export"
INSIDE = "it is about a function inside, which no request reaches"
NOT_COMPARED = {
    JSON + "RequestNoContext": EXAMPLES,
    JSON + "RequestWithContextAndSignature": EXAMPLES,
    JSON + "JsonErrors": EXAMPLES,
    JSON + "JsonFromClassificationResult": EXAMPLES,
    JSON + "JsonFromRegressionResult": EXAMPLES,
    JSON + "JsonFromRegressionResultWithNonFinite": EXAMPLES,
    JSON + "JsonFromResultErrors": EXAMPLES,
    JSON + "StatusOK": INSIDE,
    REST + "Regress": EXAMPLES,
    REST + "Classify": EXAMPLES,
    "predict_util_test: ModelMissingSignatures": OTHER_KIND,
    "predict_util_test: ThreadPoolOptions": INSIDE,
    "predict_util_test: MethodNameCheck": INSIDE,
    SERVER + "testClassify": EXAMPLES,
    SERVER + "testClassifyTf2": EXAMPLES,
    SERVER + "testRegress": EXAMPLES,
    SERVER + "testRegressTf2": EXAMPLES,
    SERVER + "testMultiInference": EXAMPLES,
    SERVER + "testMultiInferenceTf2": EXAMPLES,
    SERVER + "testClassifyREST": EXAMPLES,
    SERVER + "testRegressREST": EXAMPLES,
    SERVER + "testGoodModelConfig": ONE_MODEL,
    SERVER + "testBadModelConfig": ONE_MODEL,
    SERVER + "testModelConfigReload": ONE_MODEL,
    SERVER + "testModelConfigReloadWithZeroPollPeriod": ONE_MODEL,
    SERVER + "testGoodGrpcChannelArgs": "it takes no channel arguments",
    SERVER + "testPrometheusEndpoint": "it has no monitoring",
    SERVER + "testPredictUDS": "it listens to ports, not to socket files",
    SERVER + "testPredictOnTfLite": OTHER_KIND,
    SERVER + "testPredictWithSignatureDefOnTfLite": OTHER_KIND,
    SERVER + "test_profiler_service_with_valid_trace_request": "it has no "
    "profiler",
    SERVER + "test_tf_text": OTHER_KIND,
    SERVER + "test_distrat_sequential_keras_saved_model_save": OTHER_KIND,
}
# Parts of tests that are compared otherwise.
IN_PART = {REST + "Predict": LABELS, REST + "GetStatus": LABELS}


class HalfPlusTwo(tf.Module):
    """Answers x / 2 + 2, and gives tensors of all kinds back."""

    def signatures(self):
        def half(x, add=2.0):
            return 0.5 * x + add

        return {
            "serving_default": endpoint(lambda x: {"y": half(x)}, x="float32"),
            "regress_x2_to_y3": endpoint(
                lambda inputs: {"outputs": half(inputs, 3.0)}, inputs="float32"
            ),
            "classify_x2_to_y3": endpoint(
                lambda inputs: {"scores": half(inputs, 3.0)}, inputs="float32"
            ),
            "int": echo(default="int32"),
            "float": echo(default="float32"),
            "double": echo(default="float64"),
            "string": echo(default="string"),
            "bytes": echo(str_tensor_bytes="string"),
            "two": echo(int_tensor="int32", str_tensor="string"),
            "many": echo(
                int_tensor="int32",
                str_tensor="string",
                float_tensor="float32",
                dbl_tensor="float64",
            ),
            "columns": echo(
                int_tensor="int32", str_tensor="string", bin_tensor="string"
            ),
            "complex": endpoint(
                lambda x: {"y": tf.cast(x, "complex64")}, x="float32"
            ),
            "scalar": endpoint(lambda x: {"y": tf.reduce_sum(x)}, x="float32"),
            "uneven": endpoint(
                lambda x: {"a": x, "b": tf.concat([x, x], 0)}, x="float32"
            ),
            "none": endpoint(lambda x: {"y": x[:0]}, x="float32"),
            "none_twice": endpoint(
                lambda x: {"a": x[:0], "b": x[:0]}, x="float32"
            ),
            "none_and_all": endpoint(
                lambda x: {"a": x[:0], "b": x}, x="float32"
            ),
        }


def endpoint(function, **dtypes):
    """Traces a function of tensors of any shape."""
    specs = {name: tf.TensorSpec(None, dtype) for name, dtype in dtypes.items()}
    return tf.function(function).get_concrete_function(**specs)


def echo(**dtypes):
    return endpoint(
        lambda **inputs: {k: tf.identity(x) for k, x in inputs.items()},
        **dtypes,
    )
