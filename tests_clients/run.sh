#!/bin/sh
# Lets an independent client ask the stand-in, and others' linters read the
# deployment files.
#
#   tests_clients/run.sh [PYTHON]
#
# PYTHON is one that has nfs_keras (.venv/bin/python unless given). What the
# others need is set up in CLIENTS_VENV, .venv-clients unless set.
set -eu
cd "$(dirname "$0")/.."

new=${1:-.venv/bin/python}
venv=${CLIENTS_VENV:-.venv-clients}

if ! [ -e "$venv/.installed" ] ||
    [ requirements-clients.txt -nt "$venv/.installed" ]; then
    echo "==> setting up $venv"
    "$new" -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet -r requirements-clients.txt
    touch "$venv/.installed"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=

echo "==> ovmsclient: it must be answered as our client is"
"$new" tests_clients/serve.py "$work" "$venv/bin/python"

echo "==> docker-compose.yml: the schema of the Compose specification"
"$venv/bin/check-jsonschema" --builtin-schema vendor.compose-spec \
    "$work/model/docker-compose.yml"

echo "==> shell programs: shellcheck"
"$venv/bin/shellcheck" "$work/model/smoke.sh" tests_clients/run.sh \
    tests_addons/run.sh
"$new" tests_clients/health_check.py "$work/model/docker-compose.yml" |
    "$venv/bin/shellcheck" --shell=bash -

echo "==> clients and linters: all agree"
