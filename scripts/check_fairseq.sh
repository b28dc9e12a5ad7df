#!/usr/bin/env bash
# Captures the attention of a real fairseq model: makes the environment fairseq 0.12.2 needs (Python 3.10,
# pip older than 24.1; about 6 GB with torch's CUDA libraries), trains a tiny model on Korean words and their
# pronunciation, saves and loads it, and holds what was captured to what its queries and keys make.
#   scripts/check_fairseq.sh [FOLDER]    where the environment goes (default build/fairseq)
# PYTHON=... picks a Python 3.10.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-build/fairseq}
python=${PYTHON:-$(command -v python3.10 || true)}
if [ ! -x "$folder/bin/python" ]; then
    if [ -z "$python" ] || ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' 2>/dev/null; then
        echo "fairseq 0.12.2 runs on Python 3.10, which was not found: set PYTHON to one (uv python install 3.10)" >&2
        exit 2
    fi
    "$python" -m venv "$folder"
    "$folder/bin/python" -m pip install -q "pip<24.1" "setuptools<70" wheel
    "$folder/bin/python" -m pip install -q fairseq==0.12.2 "numpy<1.24" "pytest>=8"
fi
"$folder/bin/python" -c 'import gluonattn' 2>/dev/null || "$folder/bin/python" -m pip install -q --no-deps -e .
"$folder/bin/python" scripts/check_fairseq.py
"$folder/bin/python" -m pytest -m fairseq tests/capture/test_fairseq.py
