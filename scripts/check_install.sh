#!/usr/bin/env bash
# Install the wheel in empty environments, without constraints, and run the README's commands there:
#
#     scripts/check_install.sh python3.9 python3.13 ...
#
# Prints a line for each Python: the size of the download and of the installation without extras (MB of 1,000,000 bytes,
# without compiled files), and whether a sentence is explained. Below Python 3.13 it also installs ".[cpu]", trains on the
# sample and explains with the trained model. The exit code is 1 if something failed. SIZES=1 also lists the largest packages.
set -uo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || { sed -n '2,8s/^# \?//p' "$0"; exit 2; }
export PIP_NO_COMPILE=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=1  # 0: pip reads switches that begin with "no" this way
sentence="가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# megabytes FOLDER, without what Python compiles for itself
megabytes() { find "$1" -type f -not -path '*/__pycache__/*' -printf '%s\n' | awk '{sum += $1} END {printf "%.0f", sum / 1e6}'; }

# by_package PYTHON: the ten largest in its environment
by_package() {
    "$1" -c '
from importlib.metadata import distributions
sizes = {one.metadata["Name"]: sum(part.size or 0 for part in one.files or ()) for one in distributions()}
for name in sorted(sizes, key=sizes.get)[:-11:-1]: print(f"{sizes[name] / 1e6:7.1f} MB  {name}")'
}

explains() { "$1/bin/gluonattn" explain "${@:2}" "$sentence" --out "$1/overlay.png" --out "$1/page.html" >"$1/said" &&
    [ -s "$1/overlay.png" ] && [ -s "$1/page.html" ] && grep -q 부정 "$1/said"; }

# one PYTHON: its line
one() {
    local python=$1 env=$work/env line
    line="Python $("$python" -c 'import platform; print(platform.python_version())')" || return
    rm -rf "$env" "$work/got"
    "$python" -m venv "$env" && mkdir "$work/got" || return
    if ! "$env/bin/pip" download -d "$work/got" "$wheel" || ! "$env/bin/pip" install "$wheel"; then
        echo "$line: FAILED to install"; return 1
    fi
    "$env/bin/pip" uninstall -y setuptools 2>/dev/null  # came with the environment up to Python 3.11, and is not ours
    line="$line: $(megabytes "$work/got") MB downloaded"
    rm -rf "$env"/lib/python3*/site-packages/pip "$env"/lib/python3*/site-packages/pip-*
    line="$line, $(megabytes "$env") MB installed"
    explains "$env" || { echo "$line; explain FAILED"; return 1; }
    line="$line, explains"
    [ -z "${SIZES:-}" ] || by_package "$env/bin/python"
    if "$python" -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then
        "$python" -m venv --upgrade "$env" && "$env/bin/pip" install "$wheel[cpu]" || { echo "$line; [cpu] FAILED to install"; return 1; }
        "$env/bin/gluonattn" train --data sample --out "$env/model" >"$env/said" 2>&1 && explains "$env" --model "$env/model" ||
            { tail -5 "$env/said"; echo "$line; [cpu] FAILED to train and explain"; return 1; }
        line="$line; [cpu]: $(megabytes "$env") MB, trains, explains with it"
    fi
    echo "$line"
}

"$1" -m pip wheel --no-deps -w "$work" . || exit 1
wheel=$(ls "$work"/*.whl)
size=$(stat -c %s "$wheel")
echo "the wheel has $(awk "BEGIN {printf \"%.1f\", $size / 1e6}") MB"
failed=0
[ "$size" -le 20000000 ] || { echo "FAILED: a wheel has at most 20 MB"; failed=1; }
for python in "$@"; do one "$python" || failed=1; done
exit $failed
