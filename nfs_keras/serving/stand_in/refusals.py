"""Turns what goes wrong with a request into a gRPC status."""

import functools

import grpc
from absl import logging

from nfs_keras.serving.stand_in.request_error import RequestError


def aborts_refused(method):
    """Makes a service method answer errors with a status code.

    Args:
        method: Takes the service, the request and the gRPC context.

    Returns:
        The method, which aborts the call instead of raising.
    """

    @functools.wraps(method)
    def call(self, request, context):
        try:
            return method(self, request, context)
        except RequestError as error:
            status, message = grpc.StatusCode[error.status], str(error)
        # One bad request must not end the server, whatever it found.
        except Exception as error:
            logging.exception("A request failed.")
            status, message = grpc.StatusCode.INTERNAL, str(error)
        return context.abort(status, message)

    return call
