"""Compare the translation Transformer with the same network in PyTorch: pairs a second in training, and BLEU.

    python scripts/benchmark_translation.py pairs.tsv                       # pairs a second, repeats interleaved
    python scripts/benchmark_translation.py pairs.tsv --epochs 10 --bleu    # train both, score both on the same sources
    python scripts/benchmark_translation.py pairs.tsv --epochs 10 --bleu --fairseq build/fairseq/bin/python

All have the same split, subwords, sizes, schedule and label smoothing, and as many threads or processes as there are
cores. The PyTorch model is `torch.nn.Transformer` with embeddings and a head, in a plain loop over the same batches. The
fairseq model is fairseq's own, with its own batches of the same number of sentences. Each run has its own process.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def settings_of(arguments):
    from gluonattn.translation.settings import TranslationSettings

    return TranslationSettings(epochs=arguments.epochs, batch_size=arguments.batch_size, validation=arguments.held_out,
                               test=arguments.held_out, workers=arguments.cores, seed=arguments.seed, device="cpu",
                               model=dict(units=arguments.units, hidden_size=4 * arguments.units, num_layers=2, num_heads=8))


def read(arguments):
    """Both have the same numbers: parts, subwords, sets and settings."""
    from gluonattn.translation.pairs import read_pairs, split_pairs
    from gluonattn.translation.subwords import train_subwords
    from gluonattn.translation.task import encode

    pairs = read_pairs(arguments.pairs).pairs
    settings = settings_of(arguments).resolve(len(pairs))
    sets = split_pairs(pairs, settings.validation, settings.test, settings.seed)
    subwords = train_subwords([sentence for pair in sets.train for sentence in pair], settings.subwords)
    part, _ = encode(sets.train, subwords, settings.max_length)
    return settings, sets, subwords, part


def run_ours(arguments) -> dict:
    """Train with the package, as its command does; the seconds of an epoch are its history's."""
    from gluonattn.translation.evaluation import evaluate_translator
    from gluonattn.translation.training import train_translation

    with tempfile.TemporaryDirectory() as folder:
        model = train_translation(arguments.pairs, Path(folder) / "model", settings=settings_of(arguments), snapshots=())
        history = json.loads((model / "history.json").read_text())
        found = {"pairs_per_second": float(np.median([epoch["reviews_per_second"] for epoch in history]))}
        if arguments.bleu:
            result = evaluate_translator(model, beam=arguments.beam)
            found.update(bleu=list(result["bleu"]), chrf=list(result["chrf"]))
    return found


def run_torch(arguments) -> dict:
    """The same network and batches in a plain loop."""
    import torch

    from gluonattn.data.batches import plan_batches
    from gluonattn.translation.scores import scores_with_intervals

    torch.set_num_threads(arguments.cores)
    torch.manual_seed(arguments.seed)
    settings, sets, subwords, part = read(arguments)
    model = make_twin(len(subwords), settings)
    optimizer = torch.optim.Adam(model.parameters())
    loss = torch.nn.CrossEntropyLoss(ignore_index=-1, label_smoothing=settings.label_smoothing)
    plans = [plan_batches(part.texts.lengths, settings.batch_size, settings.seed * 1_000_003 + epoch)
             for epoch in range(settings.epochs)]
    steps, step, rates = sum(map(len, plans)), 0, []
    for plan in plans:
        began = time.perf_counter()
        for positions in plan:
            done = step / steps
            rate = min(done / settings.warmup, 1) if done < settings.warmup else (
                1 + math.cos(math.pi * (done - settings.warmup) / (1 - settings.warmup))) / 2
            optimizer.param_groups[0]["lr"] = settings.learning_rate * max(rate, 1e-3)
            source, lengths, target = (torch.from_numpy(one) for one in part.texts.batch(positions))
            wanted = torch.from_numpy(part.targets[positions, : target.shape[1]]).long()
            optimizer.zero_grad()
            loss(model(source.long(), lengths, target.long()).flatten(0, 1), wanted.flatten()).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
            optimizer.step()
            step += 1
        rates.append(sum(map(len, plan)) / (time.perf_counter() - began))
    found = {"pairs_per_second": float(np.median(rates))}
    if arguments.bleu:
        from gluonattn.translation.pairs import by_source

        every = by_source(sets.test)
        said = [subwords.decode(ids) for ids in translate(model, subwords.ids(list(every)), settings.max_length)]
        scores = scores_with_intervals(said, list(every.values()))
        found.update({name: list(value) for name, value in scores.items()})
    return found


def make_twin(words: int, settings):
    import torch
    from torch import nn

    sizes = settings.model

    class Twin(nn.Module):
        def __init__(self):
            super().__init__()
            units = sizes["units"]
            self.source, self.target = nn.Embedding(words, units), nn.Embedding(words, units)
            self.network = nn.Transformer(units, sizes["num_heads"], sizes["num_layers"], sizes["num_layers"],
                                          sizes["hidden_size"], dropout=0.1, batch_first=True)
            self.head = nn.Linear(units, words)
            for parameter in self.parameters():
                if parameter.dim() > 1:
                    nn.init.xavier_uniform_(parameter)
            places = torch.arange(settings.max_length)[:, None]
            rates = torch.pow(10000, -torch.arange(0, units, 2) / units)
            self.register_buffer("positions", torch.cat([torch.sin(places * rates), torch.cos(places * rates)], 1))

        def embed(self, table, ids):
            return table(ids) * math.sqrt(table.embedding_dim) + self.positions[: ids.shape[1]]

        def forward(self, source, lengths, target):
            padding = torch.arange(source.shape[1]) >= lengths[:, None]
            ahead = torch.triu(torch.ones(target.shape[1], target.shape[1], dtype=torch.bool), 1)
            states = self.network(self.embed(self.source, source), self.embed(self.target, target), tgt_mask=ahead,
                                  src_key_padding_mask=padding, memory_key_padding_mask=padding)
            return self.head(states)

    return Twin()


def translate(model, sources, max_length: int):
    """Greedily, all earlier steps computed again: what a plain program does."""
    import torch

    from gluonattn.translation.subwords import BEGIN, END, PADDING, UNKNOWN

    model.eval()
    found = []
    with torch.no_grad():
        for first in range(0, len(sources), 64):
            rows = [[*row, END] for row in sources[first : first + 64]]
            lengths = torch.tensor([len(row) for row in rows])
            source = torch.tensor([row + [PADDING] * (int(lengths.max()) - len(row)) for row in rows])
            said = torch.full((len(rows), 1), BEGIN)
            for _ in range(max_length - 1):
                scores = model(source, lengths, said)[:, -1]
                scores[:, [PADDING, UNKNOWN, BEGIN]] = -math.inf
                said = torch.cat([said, scores.argmax(-1, keepdim=True)], 1)
                if (said == END).any(1).all():
                    break
            found += [row[: [*row, END].index(END)] for row in said[:, 1:].tolist()]
    return found


def run_fairseq(arguments) -> dict:
    """fairseq's Transformer of the same size, on the same split and subwords, in its own environment."""
    from fairseq_peer import run_fairseq as run

    from gluonattn.translation.pairs import by_source
    from gluonattn.translation.scores import scores_with_intervals

    settings, sets, subwords, _ = read(arguments)
    test = by_source(sets.test)
    with tempfile.TemporaryDirectory() as folder:
        found = run(arguments.fairseq, Path(folder), settings, sets, subwords, test, arguments.cores, arguments.beam)
    said = found.pop("said")
    if arguments.bleu:
        found.update({name: list(value) for name, value in scores_with_intervals(said, list(test.values())).items()})
    return found


RUNS = {"gluonattn": run_ours, "torch": run_torch, "fairseq": run_fairseq}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3, help="interleaved runs of each; 1 with --bleu")
    parser.add_argument("--bleu", action="store_true", help="score all on the held-out sources")
    parser.add_argument("--beam", type=int, default=1, help="beam of this package and fairseq; PyTorch's loop is greedy")
    parser.add_argument("--fairseq", metavar="PYTHON", help="a Python with fairseq 0.12.2: fairseq runs too")
    parser.add_argument("--only", choices=RUNS, help="run only this one")
    parser.add_argument("--held-out", type=int, default=2000, help="sources held out, and as many to validate on")
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", choices=RUNS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        print(json.dumps(RUNS[arguments.run](arguments)))
        return
    names = [arguments.only] if arguments.only else [name for name in RUNS if name != "fairseq" or arguments.fairseq]
    found: dict[str, list[dict]] = {name: [] for name in names}
    for repeat in range(1 if arguments.bleu else arguments.repeats):
        for name in names:
            done = subprocess.run([sys.executable, *sys.argv, "--run", name], stdout=subprocess.PIPE, text=True, check=True)
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
            print(f"run {repeat + 1}, {name}: {found[name][-1]}", flush=True)
    rates = {name: [one["pairs_per_second"] for one in runs] for name, runs in found.items()}
    print(f"{arguments.pairs.name}: 2 layers, width {arguments.units}, 8 heads, {arguments.cores} cores")
    for name, values in rates.items():
        print(f"  {name:10} {np.median(values):8.0f} pairs a second")
    for name in names[1:]:
        ratios = [ours / other for ours, other in zip(rates[names[0]], rates[name])]
        print(f"  {names[0]} / {name} {np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
