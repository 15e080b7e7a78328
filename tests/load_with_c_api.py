"""Opens a SavedModel with TensorFlow's C library, without its Python.

    python load_with_c_api.py TENSORFLOW_DIRECTORY SAVED_MODEL IN OUT IMAGES

Runs the tensor named IN -> OUT on IMAGES, a `.npy` of uint8, and writes
`IMAGES.out.npy`. This is the loader and the executor that TF-Serving is built
on. Run as a program, in a process of its own.
"""

import ctypes
import pathlib
import sys

import numpy as np

UINT8 = 4  # of TF_DataType


class Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


def load_library(directory):
    """Loads libtensorflow from the wheel; every function gives a pointer."""
    library = None
    for name in ("libtensorflow_framework.so.2", "libtensorflow_cc.so.2"):
        path = str(pathlib.Path(directory) / name)
        library = ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
    for name in (
        "TF_NewGraph",
        "TF_NewStatus",
        "TF_NewSessionOptions",
        "TF_LoadSessionFromSavedModel",
        "TF_GraphOperationByName",
        "TF_AllocateTensor",
        "TF_TensorData",
    ):
        getattr(library, name).restype = ctypes.c_void_p
    library.TF_Message.restype = ctypes.c_char_p
    library.TF_Dim.restype = ctypes.c_int64
    return library


def check(library, status):
    if library.TF_GetCode(status):
        sys.exit(library.TF_Message(status).decode())


def load_session(library, status, saved_model):
    graph = ctypes.c_void_p(library.TF_NewGraph())
    session = library.TF_LoadSessionFromSavedModel(
        ctypes.c_void_p(library.TF_NewSessionOptions()),
        None,
        saved_model.encode(),
        (ctypes.c_char_p * 1)(b"serve"),
        1,
        graph,
        None,
        status,
    )
    check(library, status)
    return graph, ctypes.c_void_p(session)


def find(library, graph, name):
    name, _, index = name.partition(":")
    operation = library.TF_GraphOperationByName(graph, name.encode())
    return Output(operation, int(index))


def to_tensor(library, array):
    shape = (ctypes.c_int64 * array.ndim)(*array.shape)
    size = ctypes.c_size_t(array.nbytes)
    tensor = ctypes.c_void_p(
        library.TF_AllocateTensor(UINT8, shape, array.ndim, size)
    )
    target = library.TF_TensorData(tensor)
    ctypes.memmove(target, array.ctypes.data, array.nbytes)
    return tensor


def to_array(library, tensor):
    ndim = library.TF_NumDims(tensor)
    array = np.empty([library.TF_Dim(tensor, i) for i in range(ndim)], "f4")
    source = library.TF_TensorData(tensor)
    ctypes.memmove(array.ctypes.data, source, array.nbytes)
    return array


def main(directory, saved_model, name_in, name_out, images):
    library = load_library(directory)
    status = ctypes.c_void_p(library.TF_NewStatus())
    graph, session = load_session(library, status, saved_model)
    answer = (ctypes.c_void_p * 1)()
    library.TF_SessionRun(
        session,
        None,
        ctypes.byref(find(library, graph, name_in)),
        (ctypes.c_void_p * 1)(to_tensor(library, np.load(images))),
        1,
        ctypes.byref(find(library, graph, name_out)),
        answer,
        1,
        None,
        0,
        None,
        status,
    )
    check(library, status)
    outputs = to_array(library, ctypes.c_void_p(answer[0]))
    np.save(f"{images}.out.npy", outputs)
    sys.exit("imported TensorFlow" if "tensorflow" in sys.modules else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
