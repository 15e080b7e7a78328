#!/bin/sh
# Requests two embeddings from a running server, of an image and of bytes that
# are no image, and fails if one of the answers is wrong.
# Usage: sh smoke.sh [http://host:port]
set -eu
model="${1:-http://127.0.0.1:8501}/v1/models/@name@"
image='@image@'
curl --fail --silent --show-error --max-time 10 "$model" |
  grep -q '"AVAILABLE"' || { echo "$model is not available" >&2; exit 1; }
for endpoint in visible infrared; do
  request='{"signature_name": "'$endpoint'", "instances": [
    {"image_bytes": {"b64": "'$image'"}}, {"image_bytes": {"b64": "AAAA"}}]}'
  answer=$(curl --fail --silent --show-error --max-time 60 \
    --data "$request" "$model:predict" | tr -d ' \n')
  for expected in '"embedding":[' '"valid":true' '"valid":false'; do
    case "$answer" in
      *"$expected"*) ;;
      *) echo "$endpoint: no $expected in the answer" >&2; exit 1 ;;
    esac
  done
  echo "$endpoint: fine"
done
