"""Writes the configuration files that a server of a model needs.

Their templates are in the folder `templates`; names between two `@` are
replaced.
"""

import pathlib
import re

from nfs_keras.serving.warm_up import BATCH_SIZES, MODEL_NAME

TF_SERVING = "2.20.0"  # its newest release
MEMORY_LIMIT = "6g"  # see docs/serving.md
TEMPLATES = pathlib.Path(__file__).parent / "templates"
FILES = (
    "models.config",
    "batching.config",
    "monitoring.config",
    "docker-compose.yml",
    "smoke.sh",
)

# A PNG of one grey pixel.
IMAGE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCB"
    "d81ytgAAAABJRU5ErkJggg=="
)


def write_deployment_files(
    directory, model_name: str = MODEL_NAME, batch_sizes=BATCH_SIZES
) -> list[pathlib.Path]:
    """Writes the files for TF-Serving and docker compose, beside the versions.

    They are `models.config`, `batching.config`, `monitoring.config`,
    `docker-compose.yml` and `smoke.sh`. An existing file may have been edited
    and is kept.

    Args:
        directory: Directory of all versions of a model.
        model_name: The name under which it is served: letters, digits, `_`
            and `-`.
        batch_sizes: The batch sizes that the server allows, ascending.

    Returns:
        Paths of the five files.

    Raises:
        ValueError: If the name holds other characters.
    """
    if not re.fullmatch(r"[\w-]+", model_name, re.ASCII):
        raise ValueError(
            "A model name must consist of letters, digits, `_` and `-`. "
            f"Received: model_name={model_name!r}. "
            f"Use a name such as {MODEL_NAME!r}."
        )
    values = {
        "name": model_name,
        "max_batch_size": max(batch_sizes),
        "allowed_batch_sizes": "\n".join(
            f"allowed_batch_sizes: {size}" for size in batch_sizes
        ),
        "tf_serving": TF_SERVING,
        "mem_limit": MEMORY_LIMIT,
        "image": IMAGE,
    }
    root = pathlib.Path(directory)
    for name in FILES:
        if not (root / name).exists():
            template = (TEMPLATES / name).read_text(encoding="utf-8")
            text = re.sub("@([a-z_]+)@", lambda m: str(values[m[1]]), template)
            (root / name).write_text(text, encoding="utf-8")
    return [root / name for name in FILES]
