"""The gRPC service that tells which version is loaded."""

from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
)

from nfs_keras.serving.stand_in.refusals import aborts_refused
from nfs_keras.serving.stand_in.request_error import RequestError


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Answers `GetModelStatus`; models cannot be reconfigured.

    Args:
        model_name: The name under which the model is served.
        watcher: `VersionWatcher` of the model.
    """

    def __init__(self, model_name, watcher):
        self.model_name = model_name
        self.watcher = watcher

    @aborts_refused
    def GetModelStatus(self, request, context):  # noqa: N802
        if request.model_spec.name != self.model_name:
            message = f"Could not find any versions of {request.model_spec}"
            raise RequestError("NOT_FOUND", message)
        return self.status()

    def status(self):
        """Makes the `GetModelStatusResponse` of the moment."""
        response = get_model_status_pb2.GetModelStatusResponse()
        state = get_model_status_pb2.ModelVersionStatus
        for version, failure in sorted(self.watcher.failures.items()):
            status = response.model_version_status.add(version=version)
            status.state = state.END
            status.status.error_code = 2  # UNKNOWN
            status.status.error_message = failure
        if self.watcher.is_available:
            version = self.watcher.servable().version
            response.model_version_status.add(
                version=version, state=state.AVAILABLE
            )
        return response
