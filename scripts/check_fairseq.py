"""Train, save, load and capture a small fairseq model; run by scripts/check_fairseq.sh in fairseq's own environment.

    python scripts/check_fairseq.py MODEL.pt # trains a model if the file does not exist
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]
logging.disable(logging.INFO)  # fairseq names what it does not find at import

from gluonattn.capture.fairseq import capture  # noqa: E402
from gluonattn.metrics import entropy  # noqa: E402
from tests.capture.pronunciation import batch, build, dictionary, pairs  # noqa: E402

STEPS, SIZE = 600, 64


def main() -> None:
    path = Path(sys.argv[1])
    lines = (ROOT / "data" / "sample_train.tsv").read_text(encoding="utf-8").splitlines()
    everything = pairs(lines[1:])
    train, test = everything[:-200], everything[-200:]
    source, target = dictionary(w for w, _ in everything), dictionary(w for _, w in everything)
    if path.is_file():
        print(f"taking the model trained before: {path} (remove it to train again)")
    else:
        part = path.with_suffix(".part")
        torch.save(trained(train, source, target).state_dict(), part)
        part.replace(path)
    loaded = build(source, target).eval()
    loaded.load_state_dict(torch.load(path, weights_only=True))
    for left in (True, False):
        shown(loaded, test[:16], source, target, left)


def trained(train, source, target):
    torch.manual_seed(0)
    model = build(source, target).train()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    numbers = np.random.default_rng(0)
    print(f"training on {len(train):,} words and how they are said: half a minute on an idle core", flush=True)
    for step in range(STEPS):
        chosen = [train[i] for i in numbers.integers(0, len(train), SIZE)]
        inputs, wanted = batch(chosen, source, target)
        loss = torch.nn.functional.cross_entropy(model(**inputs)[0].transpose(1, 2), wanted, ignore_index=target.pad())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 99:
            print(f"  step {step + 1} of {STEPS}: loss {loss.item():.3f}", flush=True)
    return model


def shown(model, words, source, target, left: bool) -> None:
    inputs, wanted = batch(words, source, target, left)
    with torch.no_grad(), capture(model, vectors=True) as recorder:
        logits = model(**inputs)[0]
    right = (logits.argmax(-1) == wanted)[wanted != target.pad()].float().mean()
    records = recorder.records([w for w, _ in words], source, target_texts=[w for _, w in words], target_dictionary=target)
    print(f"\npadding on the {'left' if left else 'right'}: next syllable right {right:.0%}, {len(records)} records")
    print(f"{'layer':38} {'kind':8} heads  weights - softmax(QK)  context - weights V  entropy / ln(keys)")
    even = {}
    for record in records:
        for layer, name in enumerate(record.source["layers"]):
            even.setdefault(name, []).append(entropy(record.weights[layer], relative=True).mean())
    for layer in recorder.verify():
        print(f"{layer.layer:38} {layer.kind:8} {layer.heads:5}  {layer.weights_error:21.1e}  {layer.context_error:19.1e}"
              f"  {np.mean(even[layer.layer]):18.2f}")
        if layer.weights_error > 1e-5 or layer.context_error > 1e-5 or np.mean(even[layer.layer]) > 0.99:
            sys.exit(f"{layer.layer} is not what its queries and keys make, or is uniform")
    cross = next(r for r in records if r.kind == "cross")
    best = cross.weights[-1].max(0)
    pairs_ = ", ".join(f"{q.text} -> {cross.keys[int(row.argmax())].text}" for q, row in zip(cross.queries, best))
    print(f"strongest of the last layer's heads, {cross.target_text} looking at {cross.text}: {pairs_}")


if __name__ == "__main__":
    main()
