"""A server with the API of TF-Serving."""

import concurrent.futures
import contextlib
import functools

from nfs_keras.optional import optional_import, serving_api
from nfs_keras.serving.stand_in.servable import Batching, Servable
from nfs_keras.serving.stand_in.version_watcher import VersionWatcher
from nfs_keras.serving.warm_up import MODEL_NAME

NUM_WORKERS = 64  # gRPC requests answered at a time
NUM_WAITING = 256  # more requests than this are rejected
MAX_MESSAGE_BYTES = 2**26
GRACE_SECONDS = 10.0  # for requests that run when the server stops


class StandInServer:
    """Serves a directory of model versions over gRPC and REST.

    Use it as a context manager, or call `start` and `stop`. It requires no
    password, so by default it listens only to this machine.

    Args:
        directory: Directory of all versions of a model, as
            `export_saved_model` wrote it.
        model_name: The name under which the model is served.
        batching: `Batching`, or `None` to answer each request by itself.
        warm_up: Whether to replay the warm-up requests before answering.
        host: Address to listen on. Defaults to `"127.0.0.1"`.
        ports: Ports of gRPC and REST. Defaults to two free ones; TF-Serving
            has `(8500, 8501)`.
        poll_seconds: How often to look for a new version.
        verify: Whether to check the files of a version against its manifest.

    Attributes:
        grpc_address: Such as `"127.0.0.1:8500"`, once started.
        rest_address: Such as `"http://127.0.0.1:8501"`, once started.

    Raises:
        ImportError: If the extra `serving` is not installed.
        OSError: When started, if a port is taken.

    Example:

    ```python
    with StandInServer("saved_model") as server:
        embedding, valid = Client(server.grpc_address).embed(images)
    ```
    """

    def __init__(
        self,
        directory,
        model_name=MODEL_NAME,
        batching=Batching(),  # noqa: B008 - it cannot change
        warm_up=True,
        host="127.0.0.1",
        ports=(0, 0),
        poll_seconds=1.0,
        verify=True,
    ):
        serving_api("predict_pb2")  # raises at once if the extra is missing
        optional_import("werkzeug", extra="serving")
        load = functools.partial(
            Servable, batching=batching, warm_up=warm_up, verify=verify
        )
        self.watcher = VersionWatcher(directory, load, poll_seconds)
        self.model_name = model_name
        self.host = host
        self.ports = ports

    def start(self):
        """Loads the newest versions, then begins to answer."""
        try:
            self._start()
        except OSError as error:
            raise OSError(
                "A server needs ports that no other program listens on. "
                f"Received: host={self.host!r}, ports={self.ports}, {error}. "
                "Choose others, or 0 for a free one."
            ) from error

    def _start(self):
        from nfs_keras.serving.stand_in.rest import RESTServer
        from nfs_keras.serving.stand_in.services import (
            ModelService,
            PredictionService,
        )

        prediction = PredictionService(self.model_name, self.watcher)
        model = ModelService(self.model_name, self.watcher)
        # Stopped in reverse order, also if one of them fails to start.
        with contextlib.ExitStack() as steps:
            self.watcher.start()
            steps.callback(self.watcher.stop)
            grpc, port = grpc_server(
                prediction, model, self.host, self.ports[0]
            )
            steps.callback(lambda: grpc.stop(GRACE_SECONDS).wait())
            rest = RESTServer(
                prediction, model, self.host, self.ports[1], MAX_MESSAGE_BYTES
            )
            steps.callback(rest.stop, GRACE_SECONDS)
            self._steps = steps.pop_all()
        self.grpc_address = f"{self.host}:{port}"
        self.rest_address = rest.address

    def stop(self):
        """Stops the server after the running requests are answered."""
        self._steps.close()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.stop()


def grpc_server(prediction, model, host, port):
    """Starts the gRPC server; returns it and its port."""
    import grpc
    from tensorflow_serving.apis import (
        model_service_pb2_grpc,
        prediction_service_pb2_grpc,
    )

    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(NUM_WORKERS),
        maximum_concurrent_rpcs=NUM_WAITING,
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", 0),  # a second server must not share a port
        ],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        prediction, server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(model, server)
    try:
        port = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        server.stop(None)
        raise OSError("the port of gRPC is taken") from error
    server.start()
    return server, port
