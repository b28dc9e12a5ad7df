#!/usr/bin/env bash
# Compile the published page's kernel.ts to kernel.wasm, with AssemblyScript from npm, kept in build/.
set -euo pipefail
cd "$(dirname "$0")/.."
assets=gluonattn/serving/assets
mkdir -p build/kernel
cp "$assets/kernel.ts" build/kernel/
npm install --silent --no-fund --no-audit --prefix build/kernel assemblyscript@0.28.20
(cd build/kernel && npx asc kernel.ts -O3 --noAssert --runtime stub --use abort= --enable simd --initialMemory 1 -o kernel.wasm)
# A last section says of which source it was made. A test compares.
"${PYTHON:-python3}" - build/kernel/kernel.wasm "$assets/kernel.ts" "$assets/kernel.wasm" <<'END'
import hashlib
import sys
from pathlib import Path

made, source, target = map(Path, sys.argv[1:])
content = b"\x06source" + hashlib.sha256(source.read_text(encoding="utf-8").encode()).digest()
target.write_bytes(made.read_bytes() + bytes([0, len(content)]) + content)
END
ls -l "$assets/kernel.wasm"
