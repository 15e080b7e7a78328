"""Neural feature search for RGB-infrared person re-identification.

The packages, from the lowest level to the highest: `layers`, `losses`;
`search`, the method on any Keras model; `callbacks`, `synthetic`, `datasets`,
`evaluation`; `reid`, the two-stream network; `serving`, `report`, `scale`;
`pipeline`; `cli`. `models` has the public names of `search` and `reid`.

Packages are imported when they are first used, so that the import is quick.
"""

import importlib
import sys

__version__ = "0.2.0"

OPENED_LATER = (
    "callbacks",
    "cli",
    "datasets",
    "evaluation",
    "layers",
    "losses",
    "modalities",
    "models",
    "ops",
    "pipeline",
    "presets",
    "reid",
    "report",
    "scale",
    "schedules",
    "search",
    "serving",
    "synthetic",
)

if "keras" in sys.modules:
    # Keras then finds the layers registered when it loads a model that contains
    # them; the command line does not wait for TensorFlow.
    importlib.import_module("nfs_keras.layers")
    importlib.import_module("nfs_keras.losses")


def __getattr__(name):
    if name in OPENED_LATER:
        return importlib.import_module(f"nfs_keras.{name}")
    raise AttributeError(f"module 'nfs_keras' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *OPENED_LATER})
