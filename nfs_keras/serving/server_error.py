"""What a client raises when it gets no answer."""


class ServerError(RuntimeError):
    """A server refused a request, or did not answer it.

    Args:
        address: The server.
        status: What it said: a gRPC status code or an HTTP status.
        message: Its words.
    """

    def __init__(self, address, status, message):
        super().__init__(
            f"The server at {address} gave no embedding. "
            f"Received: status={status}, message={message!r}. "
            "Check that it runs, serves this model and takes this request."
        )
        self.status = status
