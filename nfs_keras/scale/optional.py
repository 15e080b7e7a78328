"""Imports what only this room needs, and says which extra brings it."""

import importlib


def optional_import(name: str, extra: str):
    """Imports a module that an extra installs.

    Args:
        name: Module name, such as `"pyarrow.parquet"`.
        extra: The extra of `nfs_keras` that brings it.

    Returns:
        The module.

    Raises:
        ImportError: If it is not installed; the message names the extra.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"`{name}` is needed here and cannot be imported. "
            f"Received: {error}. "
            f'Install it with `pip install "nfs_keras[{extra}]"`.'
        ) from error
