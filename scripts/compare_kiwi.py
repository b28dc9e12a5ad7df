"""Compare the tokens of Kiwi in WebAssembly (npm's kiwi-nlp) with kiwipiepy's, in Node, on the reviews of a file.

    npm install --prefix build/kiwi kiwi-nlp@0.23.0
    pip install --target build/kiwi/python --no-deps kiwipiepy==0.23.0 kiwipiepy_model==0.23.0
    python scripts/compare_kiwi.py build/kiwi --reviews nsmc/ratings_test.txt
    KIWI_ARCH_TYPE=none python scripts/compare_kiwi.py build/kiwi --reviews nsmc/ratings_test.txt

With KIWI_ARCH_TYPE=none, kiwipiepy computes without quantised numbers, as Kiwi in WebAssembly does.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

from gluonattn.data.reviews import read_text_column

NODE = """
import fs from "fs";
import { createRequire } from "module";
import { pathToFileURL } from "url";
globalThis.require = createRequire(import.meta.url);
const [dist, models, given] = process.argv.slice(2);
globalThis.__dirname = dist;
const { default: start } = await import(pathToFileURL(`${dist}/build/kiwi-wasm.mjs`));
const kiwi = await start({ wasmBinary: fs.readFileSync(`${dist}/kiwi-wasm.wasm`), locateFile: (name) => `${dist}/${name}` });
kiwi.FS.mkdir("models");
for (const name of fs.readdirSync(models).filter((one) => /[.](mdl|dict|txt|morph)$/.test(one)))
  kiwi.FS.writeFile(`models/${name}`, fs.readFileSync(`${models}/${name}`));
const call = (method, args, more) => JSON.parse(kiwi.api(JSON.stringify({ method, args, ...more })));
const begun = performance.now();
const id = call("build", [{ modelPath: "models", modelType: "cong" }]);
const built = performance.now() - begun;
const ALL = 8388671, OOV_CHR_MODEL = 256; // what kiwipiepy takes by itself
const found = JSON.parse(fs.readFileSync(given)).map((text) =>
  call("tokenize", [text, ALL | OOV_CHR_MODEL], { id }).map((one) => [one.str, one.position, one.length]));
fs.writeFileSync(given, JSON.stringify({ version: call("version", []), built, found }));
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder in which both packages were installed")
    parser.add_argument("--reviews", type=Path, required=True)
    parser.add_argument("--count", type=int, default=2_000)
    asked = parser.parse_args()
    python, dist = (asked.folder / name for name in ("python", "node_modules/kiwi-nlp/dist"))
    sys.path.insert(0, str(python.resolve()))
    import kiwipiepy

    texts = read_text_column(asked.reviews)[: asked.count]
    own, given = asked.folder / "compare.mjs", asked.folder / "texts.json"
    own.write_text(NODE, encoding="utf-8")
    given.write_text(json.dumps(texts), encoding="utf-8")
    shutil.copy(dist / "build/kiwi-wasm.js", dist / "build/kiwi-wasm.mjs")  # the package does not say that it is a module
    models = python / "kiwipiepy_model"
    subprocess.run([shutil.which("node") or "node", own, dist.resolve(), models, given], check=True)
    said = json.loads(given.read_text(encoding="utf-8"))
    kiwi = kiwipiepy.Kiwi(num_workers=1)
    forms = whole = 0
    for text, theirs in zip(texts, said["found"]):
        at = [0]  # UTF-16 units before each character
        for character in text:
            at.append(at[-1] + 1 + (ord(character) > 0xFFFF))
        ours = [[one.form, at[one.start], at[one.start + one.len] - at[one.start]] for one in kiwi.tokenize(text)]
        forms += [one[0] for one in ours] == [one[0] for one in theirs]
        whole += ours == theirs
    size = sum(path.stat().st_size for path in models.iterdir() if path.suffix in (".mdl", ".dict", ".txt", ".morph"))
    print(f"kiwipiepy {kiwipiepy.__version__}, kiwi-nlp {said['version']}: the same tokens in {forms:,} of {len(texts):,} "
          f"reviews, the same places too in {whole:,}; WebAssembly {(dist / 'kiwi-wasm.wasm').stat().st_size / 1e6:.1f} MB, "
          f"model {size / 1e6:.0f} MB, built in {said['built'] / 1000:.0f} s")


if __name__ == "__main__":
    main()
