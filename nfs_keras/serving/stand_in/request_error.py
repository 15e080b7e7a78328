"""A request that cannot be answered, and whose fault that is."""


class RequestError(Exception):
    """Says why a request is refused.

    Args:
        status: Name of a gRPC status code, such as `"NOT_FOUND"`.
        message: What was wrong, for the caller to read.
    """

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status
