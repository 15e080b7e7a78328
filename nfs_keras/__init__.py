"""Neural feature search for RGB-infrared person re-identification.

The packages, each built on those before it: `layers`, `losses`; `search`, the
method on any Keras model; `callbacks`, `synthetic`, `datasets`, `evaluation`;
`reid`, the two-stream network; `serving`, `report`, `scale`, `distribute`;
`pipeline`; `cli`. `models` holds the public names of `search` and `reid`.

A package is imported when it is first used, so that `import nfs_keras` is
quick.
"""

import importlib
import sys

__version__ = "0.2.0"

IMPORTED_LATER = (
    "callbacks",
    "cli",
    "datasets",
    "distribute",
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
    # After `import keras` the layers are registered at once, to load models
    # that contain them; the command line does not wait for TensorFlow.
    importlib.import_module("nfs_keras.layers")
    importlib.import_module("nfs_keras.losses")


def __getattr__(name):
    if name in IMPORTED_LATER:
        return importlib.import_module(f"nfs_keras.{name}")
    raise AttributeError(f"module 'nfs_keras' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *IMPORTED_LATER})
