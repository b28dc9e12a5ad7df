"""Measure time and memory of a forward pass of BERT-base (random weights) with and without a capture.

    python scripts/benchmark_capture.py [--tokens 128] [--batch 1] [--rounds 15] [--threads N]

Both run in turns, so that other work on the machine affects both. The pass without a capture uses the model's own eager
attention with `output_attentions=True`, which keeps the same weights. Memory is measured in a process for each: the
memory in use after the pass, beyond that of the model, and the peak during the pass.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]
HOWS = ("own", "captured")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    made = build(chosen)
    for how in HOWS:
        run(how, *made)
    times: dict[str, list[float]] = {how: [] for how in HOWS}
    for _ in range(chosen.rounds):
        for how in HOWS:
            began = time.perf_counter()
            run(how, *made)
            times[how].append(time.perf_counter() - began)
    middle = {how: sorted(taken)[len(taken) // 2] for how, taken in times.items()}
    ratios = sorted(one / other for one, other in zip(times["captured"], times["own"]))
    print(f"BERT-base, {chosen.batch} x {chosen.tokens} tokens, {chosen.threads} threads, {chosen.rounds} rounds in turns")
    print(f"output_attentions=True  {middle['own'] * 1e3:7.1f} ms")
    print(f"captured                {middle['captured'] * 1e3:7.1f} ms")
    fastest = min(times["captured"]) / min(times["own"])
    print(f"ratio, median of rounds {ratios[len(ratios) // 2]:7.3f}   (of the fastest {fastest:.3f})")
    spawn = multiprocessing.get_context("spawn")
    weights = 12 * 12 * chosen.batch * chosen.tokens**2 * 4 / 2**20
    held = arrays(run("captured", *made))
    print(f"weights in float32      {weights:7.1f} MiB; arrays that the recorder holds {held:.1f} MiB")
    for how in HOWS:
        with spawn.Pool(1) as pool:
            held, most = pool.apply(memory, (how, chosen))
        print(f"{how:10} held after the pass {held:7.1f} MiB, at most {most:7.1f} MiB beyond a plain pass")


def build(chosen):
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(0)
    model = transformers.BertModel(transformers.BertConfig(attn_implementation="eager")).eval()
    ids = torch.randint(1, 30000, (chosen.batch, chosen.tokens))
    return model, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def run(how: str, model, given):
    import torch

    from gluonattn.capture.huggingface import capture

    with torch.no_grad():
        if how == "own":
            return model(**given, output_attentions=True)
        with capture(model) as recorder:
            model(**given)
        return recorder


def arrays(recorder) -> float:
    """MiB of all that a recorder keeps of its passes; what is shared counts once."""
    import numpy as np
    import torch

    seen: set[int] = set()
    sizes: dict[int, int] = {}
    waiting = [recorder.passes]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, torch.Tensor):
            sizes[one.untyped_storage().data_ptr()] = one.untyped_storage().nbytes()
        elif isinstance(one, np.ndarray):
            base = one
            while isinstance(base.base, np.ndarray):
                base = base.base
            sizes[base.ctypes.data] = base.nbytes
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, (list, tuple, set)):
            waiting += one
        elif hasattr(one, "__dict__"):
            waiting += vars(one).values()
    return sum(sizes.values()) / 2**20


def memory(how: str, chosen) -> tuple[float, float]:
    """MiB that one pass leaves behind, and the most it took, both beyond a pass that keeps nothing."""
    import gc

    import torch

    model, given = build(chosen)
    with torch.no_grad():
        for _ in range(3):
            model(**given)
    gc.collect()
    before, most = resident(), peak()
    kept = run(how, model, given)
    gc.collect()
    after = resident()
    del kept
    return after - before, peak() - most


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


if __name__ == "__main__":
    main()
