"""Train fairseq's Transformer of the same size on the same split and subwords, for `benchmark_translation.py --fairseq`.

fairseq 0.12.2 runs only on Python 3.10, so it has an environment of its own (`check_fairseq.sh FOLDER` makes it). Its words
are the numbers of subwords, and it returns numbers, so that the same code scores both programs.
"""

import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

# fairseq is older than the releases of torch that it meets. torch.load reads weights alone now, but its checkpoints hold
# settings too. A fused encoder layer, which fairseq takes for layers that have not trained, has other arguments now.
_RUN = """
import torch
load = torch.load
torch.load = lambda *arguments, **options: load(*arguments, **{**options, "weights_only": False})
from fairseq.modules.transformer_layer import TransformerEncoderLayerBase
TransformerEncoderLayerBase.ever_training = property(lambda self: True, lambda self, value: None)
from fairseq_cli.%s import cli_main
cli_main()
"""


def run_fairseq(python: str, folder: Path, settings, sets, subwords, test: dict, cores: int, beam: int) -> dict:
    """Train and translate; returns sentences a second in training, and the translations of the test sources.

    Parameters
    ----------
    python : str
        Interpreter of an environment with fairseq 0.12.2.
    folder : Path
        Where data and checkpoints go.
    settings : TranslationSettings
        Resolved.
    sets : PairSets
    subwords : Subwords
    test : dict of str to list of str
        Sources and their targets.
    cores : int
    beam : int
    """
    def call(tool: str, *arguments) -> str:
        done = subprocess.run([python, "-W", "ignore", "-c", _RUN % tool, *map(str, arguments)], cwd=folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={**os.environ, "OMP_NUM_THREADS": str(cores), "PYTHONPATH": ""})
        if done.returncode:
            sys.exit(f"fairseq's {tool} failed:\n{done.stdout[-3000:]}")
        return done.stdout

    folder.mkdir(parents=True, exist_ok=True)
    pairs = {"train": sets.train, "valid": sets.valid, "test": [(source, targets[0]) for source, targets in test.items()]}
    for name, part in pairs.items():
        kept = _write(folder, name, part, subwords, settings.max_length if name == "train" else None)
        if name == "train":
            steps = -(-kept // settings.batch_size) * settings.epochs
    call("preprocess", "--source-lang", "src", "--target-lang", "tgt", "--trainpref", "train", "--validpref", "valid",
         "--testpref", "test", "--destdir", "bin")
    sizes = settings.model
    both = [f"--{side}-{name}" for name in ("layers", "attention-heads", "embed-dim", "ffn-embed-dim")
            for side in ("encoder", "decoder")]
    values = [value for name in ("num_layers", "num_heads", "units", "hidden_size") for value in [sizes[name]] * 2]
    log = call("train", "bin", "--arch", "transformer", *[each for pair in zip(both, values) for each in pair],
               "--dropout", 0.1, "--attention-dropout", 0.1, "--optimizer", "adam", "--adam-betas", "(0.9, 0.999)",
               "--clip-norm", settings.clip, "--lr", settings.learning_rate, "--lr-scheduler", "cosine",
               "--warmup-updates", max(1, round(steps * settings.warmup)), "--lr-period-updates",
               steps - max(1, round(steps * settings.warmup)), "--min-lr", 1e-6, "--warmup-init-lr", 1e-6,
               "--criterion", "label_smoothed_cross_entropy", "--label-smoothing", settings.label_smoothing,
               "--batch-size", settings.batch_size, "--required-batch-size-multiple", 1, "--max-epoch", settings.epochs,
               "--seed", settings.seed + 1, "--cpu", "--no-epoch-checkpoints", "--log-format", "simple",
               "--log-interval", 10, "--save-dir", "model", "--num-workers", 0)
    # Sentences in a batch over batches in a second, without the validation.
    batches = [float(rate) for rate in re.findall(r"train_inner.*?ups=([\d.]+)", log)]
    sentences = [float(size) for size in re.findall(r"train_inner.*?bsz=([\d.]+)", log)]
    out = call("generate", "bin", "--path", "model/checkpoint_best.pt", "--beam", beam, "--batch-size", 64, "--cpu",
               "--max-len-a", 0, "--max-len-b", settings.max_length)
    said = {int(number): text.split() for number, text in re.findall(r"^H-(\d+)\t\S+\t(.*)$", out, re.M)}
    return {"pairs_per_second": statistics.median(map(lambda rate, size: rate * size, batches, sentences)),
            "said": [subwords.decode([int(word) for word in said[number] if word.isdigit()]) for number in range(len(test))]}


def _write(folder: Path, name: str, pairs, subwords, longest) -> int:
    """Write both sides as numbers of subwords; return how many pairs are short enough."""
    sides = [subwords.ids([pair[side] for pair in pairs]) for side in (0, 1)]
    kept = [pair for pair in zip(*sides) if longest is None or max(map(len, pair)) < longest]
    for side, ending in enumerate(("src", "tgt")):
        lines = [" ".join(map(str, pair[side])) for pair in kept]
        (folder / f"{name}.{ending}").write_text("\n".join(lines) + "\n", encoding="ascii")
    return len(kept)
