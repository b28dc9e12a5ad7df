#!/usr/bin/env bash
# Print the path of a Python from 3.9 to 3.12 that can make environments and compile
# extensions. With an argument, check that Python. If there is none, one line says what is missing.
set -u

suits='
import sys, sysconfig, os
ok = (3, 9) <= sys.version_info[:2] <= (3, 12)
try:
    import ensurepip, venv
except ImportError:
    ok = False
headers = os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h"))
sys.exit(0 if ok and headers else 1)
'

for candidate in ${1:-python3.11 python3.12 python3.10 python3.9 python3 python}; do
    path=$(command -v "$candidate" 2>/dev/null) || continue
    if "$path" -c "$suits" >/dev/null 2>&1; then
        # The interpreter itself, because a version manager's shim may later point to another one.
        "$path" -c 'import sys; print(sys.executable)'
        exit 0
    fi
done

if [ -n "${1:-}" ]; then
    echo "error: $1 is not a Python 3.9 to 3.12 with venv and headers (Python.h); leave PYTHON out to search." >&2
else
    echo "error: no Python 3.9 to 3.12 with venv and headers found; install one, for example: apt-get install python3.11 python3.11-venv python3.11-dev (or: uv python install 3.11), then run make again." >&2
fi
exit 1
