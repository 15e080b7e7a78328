"""Serves a directory of model versions: python -m nfs_keras.serving.stand_in.

python -m nfs_keras.serving.stand_in --directory=run/saved_model
"""

import signal
import threading

from absl import app, flags, logging

from nfs_keras.serving.stand_in.servable import Batching
from nfs_keras.serving.stand_in.stand_in_server import StandInServer
from nfs_keras.serving.warm_up import MODEL_NAME

FLAGS = flags.FLAGS
flags.DEFINE_string("directory", None, "Directory of all versions of a model.")
flags.DEFINE_string("model_name", MODEL_NAME, "Name to serve it under.")
flags.DEFINE_string("host", "127.0.0.1", "Address to listen on.")
flags.DEFINE_integer("port", 8500, "Port of gRPC.")
flags.DEFINE_integer("rest_api_port", 8501, "Port of REST.")
flags.DEFINE_bool("enable_batching", True, "Join requests of several clients.")
flags.DEFINE_bool("enable_model_warmup", True, "Replay warm-up requests.")
flags.DEFINE_bool("verify", True, "Load only what its manifest lists.")
flags.mark_flag_as_required("directory")


def main(argv):
    del argv
    server = StandInServer(
        FLAGS.directory,
        FLAGS.model_name,
        Batching() if FLAGS.enable_batching else None,
        FLAGS.enable_model_warmup,
        FLAGS.host,
        (FLAGS.port, FLAGS.rest_api_port),
        verify=FLAGS.verify,
    )
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    with server:
        logging.info("gRPC at %s", server.grpc_address)
        logging.info("REST at %s", server.rest_address)
        end.wait()


if __name__ == "__main__":
    app.run(main)
