"""The files that turn a directory of model versions into a running server."""

import pathlib
import re

from nfs_keras.serving.warm_up import BATCH_SIZES, MODEL_NAME

# The newest TF-Serving of which images for CPU and GPU are published.
TF_SERVING = "2.19.1"

MODELS = """\
model_config_list {
  config {
    name: "@name@"
    base_path: "/models/@name@"
    model_platform: "tensorflow"
    model_version_policy { latest { num_versions: 1 } }
  }
}
"""

# On two CPU cores a batch of 8 gives four fifths of the images/s of 32, in a
# third of the time; a GPU wants the 32. See benchmarks/serving.py.
# `pad_variable_length_inputs` stays off: it would pad pictures with black.
BATCHING = """\
max_batch_size { value: @max_batch_size@ }
batch_timeout_micros { value: 2000 }
num_batch_threads { value: 2 }
max_enqueued_batches { value: 64 }
@allowed_batch_sizes@
"""

MONITORING = """\
prometheus_config {
  enable: true
  path: "/monitoring/prometheus/metrics"
}
"""

COMPOSE = """\
# docker compose --profile cpu up --wait      or: --profile gpu
# TF-Serving asks nobody for a password: ports open to this machine only,
# unless ADDRESS=0.0.0.0 is set.
x-server: &server
  command:
    - --model_config_file=/models/@name@/models.config
    - --monitoring_config_file=/models/@name@/monitoring.config
    - --enable_batching=true
    - --batching_parameters_file=/models/@name@/batching.config
    - --file_system_poll_wait_seconds=10
  ports:
    - "${ADDRESS:-127.0.0.1}:8500:8500"  # gRPC
    - "${ADDRESS:-127.0.0.1}:8501:8501"  # REST
  volumes:
    - .:/models/@name@:ro
  user: "65534:65534"  # nobody
  read_only: true
  tmpfs: [/tmp]
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  restart: unless-stopped
  healthcheck:
    # The image has no curl.
    test:
      - CMD
      - bash
      - -c
      - >-
        exec 3<>/dev/tcp/127.0.0.1/8501 &&
        printf 'GET /v1/models/@name@ HTTP/1.0\\r\\n\\r\\n' >&3 &&
        grep -q AVAILABLE <&3
    interval: 10s
    timeout: 5s
    retries: 3
    start_period: 120s

services:
  cpu:
    <<: *server
    profiles: [cpu]
    image: tensorflow/serving:@tf_serving@
  gpu:
    <<: *server
    profiles: [gpu]
    image: tensorflow/serving:@tf_serving@-gpu
    environment:
      CUDA_CACHE_PATH: /tmp/cuda
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              count: 1
              capabilities: [gpu]
"""

SMOKE = """\
#!/bin/sh
# Asks a running server for two embeddings, of a picture and of bytes that are
# none, and fails if it does not answer both as it should.
# Usage: sh smoke.sh [http://host:port]
set -eu
model="${1:-http://127.0.0.1:8501}/v1/models/@name@"
picture='@picture@'
curl --fail --silent --show-error --max-time 10 "$model" |
  grep -q AVAILABLE || { echo "$model is not available" >&2; exit 1; }
for endpoint in visible infrared; do
  request='{"signature_name": "'$endpoint'", "instances": [
    {"image_bytes": {"b64": "'$picture'"}}, {"image_bytes": {"b64": "AAAA"}}]}'
  answer=$(curl --fail --silent --show-error --max-time 60 \\
    --data "$request" "$model:predict" | tr -d ' \\n')
  for expected in '"embedding":[' '"valid":true' '"valid":false'; do
    case "$answer" in
      *"$expected"*) ;;
      *) echo "$endpoint: no $expected in the answer" >&2; exit 1 ;;
    esac
  done
  echo "$endpoint: fine"
done
"""

# A PNG of one grey pixel.
PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCB"
    "d81ytgAAAABJRU5ErkJggg=="
)

FILES = {
    "models.config": MODELS,
    "batching.config": BATCHING,
    "monitoring.config": MONITORING,
    "docker-compose.yml": COMPOSE,
    "smoke.sh": SMOKE,
}


def write_deployment_files(
    directory, model_name: str = MODEL_NAME, batch_sizes=BATCH_SIZES
) -> list[pathlib.Path]:
    """Writes what TF-Serving and docker compose read, beside the versions.

    `models.config`, `batching.config`, `monitoring.config`,
    `docker-compose.yml` and `smoke.sh`. A file that is there already may
    have been edited and is kept.

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
            "A model name is made of letters, digits, `_` and `-`. "
            f"Received: model_name={model_name!r}. "
            f"Take one such as {MODEL_NAME!r}."
        )
    values = {
        "name": model_name,
        "max_batch_size": max(batch_sizes),
        "allowed_batch_sizes": "\n".join(
            f"allowed_batch_sizes: {size}" for size in batch_sizes
        ),
        "tf_serving": TF_SERVING,
        "picture": PICTURE,
    }
    root = pathlib.Path(directory)
    for name, template in FILES.items():
        if not (root / name).exists():
            text = re.sub("@([a-z_]+)@", lambda m: str(values[m[1]]), template)
            (root / name).write_text(text, encoding="utf-8")
    return [root / name for name in FILES]
