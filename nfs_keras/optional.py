"""Imports optional packages, with an error that names the missing extra."""

import importlib


def optional_import(name: str, extra: str):
    """Imports a module that an extra of `nfs_keras` installs.

    Args:
        name: Name of the module, such as `"pyarrow.parquet"`.
        extra: The extra that installs it.

    Returns:
        The module.

    Raises:
        ImportError: If it cannot be imported; the message names the extra.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"`{name}` is needed here and cannot be imported. "
            f"Received: {error}. "
            f'Install it with `pip install "nfs_keras[{extra}]"`.'
        ) from error


def serving_api(name: str):
    """Imports a module of TF-Serving's message types, such as `predict_pb2`."""
    return optional_import(f"tensorflow_serving.apis.{name}", extra="serving")
