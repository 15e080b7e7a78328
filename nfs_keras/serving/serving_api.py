"""The official message types of TF-Serving, imported when they are needed."""

import importlib


def serving_api(name: str):
    """Imports a module of `tensorflow-serving-api`.

    Args:
        name: Its name below `tensorflow_serving.apis`, such as
            `"predict_pb2"`.

    Returns:
        The module.

    Raises:
        ImportError: If it is not installed; the message names the extra.
    """
    try:
        return importlib.import_module(f"tensorflow_serving.apis.{name}")
    except ImportError as error:
        raise ImportError(
            "The messages of TF-Serving come from `tensorflow-serving-api`. "
            f"Received: {error}. "
            'Install it with `pip install "nfs_keras[serving]"`.'
        ) from error
