#!/usr/bin/env bash
# Captures the attention of a real fairseq model: makes the environment fairseq 0.12.2 needs (Python 3.10,
# pip older than 24.1), trains a tiny model on Korean words and their pronunciation, saves and loads it, and
# compares what was captured with what its queries and keys give. Existing files are used again.
#   scripts/check_fairseq.sh [FOLDER]    where environment and model go (default build/fairseq)
# MAKE_ONLY=1      only makes the environment
# PYTHON=...       a Python 3.10; default: the first python3.10 on the path
# TORCH_INDEX=...  where pip takes torch from: https://download.pytorch.org/whl/cpu has it without CUDA's libraries,
#                  so that the environment takes 1 GB instead of 6
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-build/fairseq}
python=${PYTHON:-$(command -v python3.10 || true)}
own="$folder/bin/python"

step() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }
can() { "$own" -W ignore -c "$1" >/dev/null 2>&1; }

if ! can 'import pip'; then
    if [ -z "$python" ] || ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' 2>/dev/null; then
        echo "fairseq 0.12.2 runs on Python 3.10, and ${python:-none} is not one: set PYTHON (uv python install 3.10)" >&2
        exit 2
    fi
    step "an environment in $folder"
    "$python" -m venv --clear "$folder"
    "$own" -m pip install -q --disable-pip-version-check "pip<24.1" "setuptools<70" wheel
fi
if ! can 'import torch, torchaudio'; then
    step "torch: several minutes where the network is slow"
    "$own" -m pip install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch torchaudio
fi
if ! can 'import fairseq, pytest, hypothesis, msgspec, safetensors, matplotlib, numpy; assert fairseq.__version__ == "0.12.2"'; then
    step "fairseq 0.12.2: compiles for a minute or two"
    "$own" -m pip install -q fairseq==0.12.2 "numpy<1.24" "pytest>=8" hypothesis msgspec threadpoolctl safetensors matplotlib koreanize-matplotlib fonttools rich
fi
if [ -n "${MAKE_ONLY:-}" ]; then exit; fi
can 'import gluonattn' || "$own" -m pip install -q --no-deps -e .

step "a model, and its attention"
"$own" -W ignore scripts/check_fairseq.py "$folder/pronunciation.pt"
step "the tests of the capture"
"$own" -m pytest -W ignore -m fairseq tests/capture/test_fairseq.py
step "done"
