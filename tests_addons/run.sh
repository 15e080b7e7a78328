#!/bin/sh
# Compares our losses with tensorflow-addons 0.23, and asks TensorFlow 2.15 to
# answer from a SavedModel of ours.
#
#   tests_addons/run.sh [--if-possible] [PYTHON]
#
# PYTHON is one that has nfs_keras (.venv/bin/python unless given). The old
# world needs a Python 3.9 to 3.11 on PATH, or named by ADDONS_PYTHON; it is
# set up in .venv-addons. Without one the script fails; with --if-possible it
# says so and succeeds.
set -eu
cd "$(dirname "$0")/.."

if_possible=no
if [ "${1:-}" = --if-possible ]; then
    if_possible=yes
    shift
fi
new=${1:-.venv/bin/python}
old=.venv-addons/bin/python

is_old_enough() {
    "$1" -c 'import ensurepip, sys, venv
sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 11))' 2>/dev/null
}

find_python() {
    for name in ${ADDONS_PYTHON:-python3.11 python3.10 python3.9 python3}; do
        # A name may stand on PATH several times, and the first be a stub.
        for place in "$name" $(echo "$PATH" | tr : '\n' | sed "s|\$|/$name|"); do
            if is_old_enough "$place"; then
                echo "$place"
                return
            fi
        done
    done
}

if ! [ -e .venv-addons/.installed ] ||
    [ requirements-addons.txt -nt .venv-addons/.installed ]; then
    python=$(find_python)
    if [ -z "$python" ]; then
        echo "***************************************************************"
        echo "* NOT RUN: the comparison with tensorflow-addons.             *"
        echo "* It needs a Python 3.9, 3.10 or 3.11 on PATH, and there is   *"
        echo "* none. Install one, or name it: ADDONS_PYTHON=/path/python3  *"
        echo "***************************************************************"
        [ "$if_possible" = yes ]
        exit
    fi
    echo "==> setting up .venv-addons with $python"
    "$python" -m venv --clear .venv-addons
    "$old" -m pip install --quiet -r requirements-addons.txt
    touch .venv-addons/.installed
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=

echo "==> losses: tensorflow-addons computes, nfs_keras must agree"
"$old" tests_addons/reference_values.py "$work/values"
"$new" tests_addons/compare_losses.py "$work/values"

echo "==> SavedModel: nfs_keras exports, TensorFlow 2.15 must answer"
"$new" tests_addons/export_saved_model.py "$work/export"
"$old" tests_addons/answer_saved_model.py "$work/export/1" \
    "$work/export/answers.npz"

echo "==> tensorflow-addons: all agree"
