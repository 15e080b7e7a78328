"""Packages nfs_keras: version ranges, extras and the `nfs-reid` command.

The exact versions that it is tested with stand in `requirements*.txt`.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def version():
    """Reads `__version__` without importing the package."""
    text = (HERE / "nfs_keras" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE).group(1)


EXTRAS = {
    "report": [
        "jinja2>=3.1,<4",
        "matplotlib>=3.10,<4",
        "scikit-learn>=1.7,<2",
        "tensorboard>=2.21,<3",
    ],
    "serving": [
        "grpcio>=1.70,<2",
        "protobuf>=6.31,<8",
        "tensorflow-serving-api>=2.21,<3",
        "urllib3>=2.3,<3",
        "werkzeug>=3.1,<4",
    ],
    "onnx": ["onnx>=1.18,<2", "onnxruntime>=1.22,<2", "tf2onnx>=1.17,<2"],
    "gallery": [
        "faiss-cpu>=1.7.4,<2",
        "milvus-lite>=3.2,<4",
        "pymilvus>=3.0,<4",
    ],
    "scale": ["pyarrow>=20,<30", "ray[data,train]>=2.50,<3"],
    "sysu": ["scipy>=1.15,<2"],
    "gpu": ["tensorflow[and-cuda]>=2.21,<3"],
    "docs": [
        "mkdocs>=1.6,<2",
        "mkdocs-material>=9.7,<10",
        "mkdocstrings[python]>=1.0,<2",
    ],
    "test": [
        "hypothesis>=6.130,<7",
        "jax>=0.10,<0.11",
        "filelock>=3,<5",
        "packaging>=24,<30",
        "pillow>=11,<14",
        "pytest>=9.0,<10",
        "pytest-timeout>=2.4,<3",
        "pytest-xdist>=3.8,<4",
        "pyyaml>=6.0,<7",
        "requests>=2.32,<3",
        "ruff>=0.17,<0.18",
        "selenium>=4.30,<5",
    ],
}

setup(
    name="nfs_keras",
    version=version(),
    description=(
        "Neural Feature Search for RGB-infrared person re-identification, "
        "as Keras 3 layers, a training program and a served model."
    ),
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["nfs_keras", "nfs_keras.*"]),
    package_data={
        "nfs_keras": ["**/*.npz", "**/*.html", "**/*.css", "**/templates/*"]
    },
    install_requires=[
        "absl-py>=2.1,<3",
        "h5py>=3.11,<4",
        "keras>=3.15,<4",
        "numpy>=2.0,<3",
        "opencv-python>=4.10,<6",
        "tensorflow>=2.21,<3",
    ],
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["nfs-reid = nfs_keras.cli.main:main"]},
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
)
