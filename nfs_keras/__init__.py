"""Neural Feature Search for RGB-infrared person re-identification in Keras."""

__version__ = "0.1.0"
