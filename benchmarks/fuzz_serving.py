"""Sends a server requests that no client should send.

    python -m benchmarks.fuzz_serving --num_requests=3000

Files that are truncated, flipped, random, or that announce a picture of a
billion pixels; messages that are no messages; JSON that is none. Each must get
a defined answer: an embedding of length 1, or of zeros and `valid` false, or a
status that is not an internal error. At the end the server must still answer
a good request as before, and its memory must not have grown much. Exits
non-zero otherwise.
"""

import collections
import io
import json
import pathlib
import struct
import sys
import tempfile

import grpc
import numpy as np
import requests
import tensorflow as tf
from absl import app, flags
from PIL import Image
from tensorflow_serving.apis import predict_pb2

from nfs_keras.models import reid_network
from nfs_keras.serving import StandInServer, export_saved_model

FLAGS = flags.FLAGS
flags.DEFINE_integer("num_requests", 3000, "Requests to send.")
flags.DEFINE_integer("seed", 0, "Seed of the requests.")

MODALITIES = ("visible", "infrared")
PREDICT = "/tensorflow.serving.PredictionService/Predict"
MAX_GROWTH_MB = 400
# What a request that cannot be answered may be told.
DEFINED = {
    "FAILED_PRECONDITION",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "RESOURCE_EXHAUSTED",
    "HTTP 400",
    "HTTP 404",
}
# gRPC itself answers bytes that are no message, before any service sees them.
NO_MESSAGE = "INTERNAL, no message"


def picture(rng, kind):
    """A random picture of a random small size as a file."""
    height, width = rng.integers(1, 80, 2)
    pixels = rng.integers(0, 256, (height, width, 3), dtype="uint8")
    mode = rng.choice(["RGB", "L", "CMYK" if kind == "JPEG" else "RGB"])
    file = io.BytesIO()
    Image.fromarray(pixels).convert(str(mode)).save(file, kind)
    return file.getvalue()


def truncated(rng):
    contents = whole(rng)
    return contents[: rng.integers(len(contents))]


def flipped(rng):
    """A picture with a few bytes changed anywhere, its header too."""
    contents = np.frombuffer(whole(rng), "uint8").copy()
    number = int(rng.integers(1, 20))
    places = rng.integers(0, len(contents), number)
    contents[places] = rng.integers(0, 256, number)
    return contents.tobytes()


def boastful(rng):
    """A small PNG or BMP that announces any number of pixels."""
    size = [int(2 ** rng.uniform(0, 31)) for _ in range(2)]
    if rng.random() < 0.5:
        file, start, header = "PNG", 16, struct.pack(">II", *size)
    else:
        file, start, header = "BMP", 18, struct.pack("<ii", *size)
    contents = picture(rng, file)
    return contents[:start] + header + contents[start + 8 :]


def noise(rng):
    start = [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF89a"]
    return start[rng.integers(len(start))] + rng.bytes(rng.integers(2000))


def animated(rng):
    frames = [
        Image.fromarray(rng.integers(0, 256, (9, 9), dtype="uint8"))
        for _ in range(3)
    ]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def whole(rng):
    return picture(rng, str(rng.choice(["JPEG", "PNG", "BMP"])))


FILES = (truncated, flipped, boastful, noise, animated, whole)


def send_files(rng, server, channel):
    """A batch of 0 to 8 files, over gRPC."""
    files = [
        FILES[rng.integers(len(FILES))](rng) for _ in range(rng.integers(9))
    ]
    request = predict_pb2.PredictRequest()
    request.model_spec.name = server.model_name
    request.model_spec.signature_name = MODALITIES[rng.integers(2)]
    array = np.empty(len(files), dtype=object)
    array[:] = files
    proto = tf.make_tensor_proto(array, tf.string, [len(files)])
    request.inputs["image_bytes"].CopyFrom(proto)
    response = channel(request.SerializeToString(), timeout=60)
    outputs = predict_pb2.PredictResponse.FromString(response).outputs
    embedding = tf.make_ndarray(outputs["embedding"])
    valid = tf.make_ndarray(outputs["valid"])
    norms = np.linalg.norm(embedding, axis=1)
    if len(norms) != len(files) or not np.allclose(norms, valid, atol=1e-4):
        return "WRONG EMBEDDING"
    return "answered"


def send_message(rng, server, channel):
    """A request with some bytes changed, over gRPC."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = server.model_name
    request.model_spec.signature_name = "visible_pixels"
    pixels = rng.integers(0, 256, (1, 3, 3, 3), dtype="uint8")
    request.inputs["image"].CopyFrom(tf.make_tensor_proto(pixels))
    message = np.frombuffer(request.SerializeToString(), "uint8").copy()
    places = rng.integers(0, len(message), 3)
    message[places] = rng.integers(0, 256, 3)
    channel(message.tobytes(), timeout=60)
    return "answered"


def send_json(rng, server, channel):
    """A `:predict` request with some characters changed, over REST."""
    file = {"b64": "AAAA"} if rng.random() < 0.5 else [[[1, 2, 3]]]
    body = {"signature_name": "visible", "instances": [{"image_bytes": file}]}
    text = bytearray(json.dumps(body).encode())
    for place in rng.integers(0, len(text), 3):
        text[place] = rng.choice(list(b'{}[]":,0-e \x00\xff'))
    url = f"{server.rest_address}/v1/models/{server.model_name}:predict"
    response = requests.post(url, bytes(text), timeout=60)
    if response.status_code == 200:
        return "answered"
    return f"HTTP {response.status_code}"


SENDERS = (send_files, send_files, send_message, send_json)


def send(rng, server, channel):
    """Sends one request; gives the name of what came back."""
    try:
        return SENDERS[rng.integers(len(SENDERS))](rng, server, channel)
    except grpc.RpcError as error:
        if "deserializing" in (error.details() or ""):
            return NO_MESSAGE
        return error.code().name


def fuzz(server, num_requests, seed=0):
    """Sends many requests; counts what came back.

    Args:
        server: A started `StandInServer`, in this process.
        num_requests: How many.
        seed: Seed of the requests.

    Returns:
        Pair of a `Counter` of answers, and of the growth of this process'
        memory in MB since a tenth of the requests was sent.
    """
    rng = np.random.default_rng(seed)
    answers = collections.Counter()
    with grpc.insecure_channel(server.grpc_address) as channel:
        predict = channel.unary_unary(PREDICT)
        for number in range(num_requests):
            if number == num_requests // 10:
                start = resident_mb()
            answers[send(rng, server, predict)] += 1
    return answers, resident_mb() - start


def resident_mb():
    """Memory of this process, in MB."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def undefined(answers):
    """The answers that no request should get."""
    return set(answers) - DEFINED - {"answered", NO_MESSAGE}


def main(argv):
    del argv
    network = reid_network("tiny", (32, 16, 3), num_identities=4)
    with tempfile.TemporaryDirectory() as directory:
        export_saved_model(network, directory)
        with StandInServer(directory, warm_up=False) as server:
            answers, growth = fuzz(server, FLAGS.num_requests, FLAGS.seed)
    for answer, count in answers.most_common():
        print(f"{count:6d} {answer}")
    print(f"memory grew by {growth:.0f} MB")
    if undefined(answers) or growth > MAX_GROWTH_MB:
        sys.exit(f"undefined answers: {sorted(undefined(answers))}")


if __name__ == "__main__":
    app.run(main)
