"""Neural feature search for RGB-infrared person re-identification.

The packages, from the ground up: `layers`, `losses`, `evaluation`,
`synthetic`; `backbones`, `callbacks`, `datasets`; `models`; `serving`,
`report`, `scale`; `pipeline`.
`layers` and `losses` are open at once, so that a saved model finds them; the
others open when first touched, so that the import stays quick.
"""

import importlib

from nfs_keras import layers as layers
from nfs_keras import losses as losses

__version__ = "0.1.0"

OPENED_LATER = (
    "modalities",
    "callbacks",
    "cli",
    "datasets",
    "evaluation",
    "models",
    "ops",
    "pipeline",
    "reid",
    "report",
    "scale",
    "schedules",
    "search",
    "serving",
    "synthetic",
)


def __getattr__(name):
    if name in OPENED_LATER:
        return importlib.import_module(f"nfs_keras.{name}")
    raise AttributeError(f"module 'nfs_keras' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *OPENED_LATER})
