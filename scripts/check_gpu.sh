#!/bin/sh
# Train, predict and explain on this machine's GPU with torch, in at most 8 minutes; see scripts/check_gpu.py.
#
#   GLUONATTN_NSMC=DIR scripts/check_gpu.sh                      on the first GPU
#   GLUONATTN_NSMC=DIR scripts/check_gpu.sh --device cpu --reviews 1000 --epochs 1 --cells mlp,dot     a rehearsal without one
set -e
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" scripts/check_gpu.py "$@"
