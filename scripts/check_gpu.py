"""Measure training and prediction on a GPU with torch: reviews a second, accuracy, and differences from the CPU's answers.

    GLUONATTN_NSMC=DIR python scripts/check_gpu.py --json gpu.json
    GLUONATTN_NSMC=DIR python scripts/check_gpu.py --device cpu --reviews 1000 --epochs 1 --cells mlp,dot

Trains the default recipe and the recipe with evidence for every attention cell, on NSMC's training reviews. Accuracy is
measured on validation reviews. The first model is compared with the same network in plain PyTorch on the same card, and
on two cores of this machine. Then test reviews are predicted and explained. To try the script without a GPU, use
--device cpu.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch_twin
from rich.console import Console
from rich.table import Table
from sklearn.model_selection import train_test_split

from gluonattn.classifier.predictor import load
from gluonattn.classifier.settings import ClassifierSettings
from gluonattn.classifier.start import start_of
from gluonattn.classifier.training import train
from gluonattn.data.reviews import read_reviews
from gluonattn.data.sources import locate
from gluonattn.models.cells import CELLS
from gluonattn.runtime import versions
from gluonattn.runtime.torch_device import torch_device
from gluonattn.text import tokenize_all
from gluonattn.training.callbacks import GradientClipping, LearningRate
from gluonattn.training.loop import fit, new_run

RECIPES = {"default": {}, "evidence": {"evidence": True}}
console = Console()


def prepare_recipe(recipe, reviews, tokens, options):
    """What every cell's run begins with, and its settings."""
    settings = ClassifierSettings(framework="torch", device=options.device, epochs=options.epochs, amp=options.amp,
                                  **RECIPES[recipe]).resolve(len(reviews))
    split = train_test_split(range(len(reviews)), test_size=settings.validation, stratify=reviews.labels, random_state=0)
    targets = np.eye(2, dtype=np.float32)[np.array(reviews.labels, int)]
    return start_of(settings, reviews.texts, tokens, targets, split, [], None)[0]


def train_cell(start, cell, device):
    """Validation accuracy, and reviews a second of the last epoch."""
    settings = start["settings"]
    run = new_run(**{**start, "model": {**start["model"], "cell": cell}}, device=device)
    fit(run, [LearningRate(settings.schedule, settings.learning_rate, settings.warmup), GradientClipping(settings.clip)])
    return run.history[-1]["valid_accuracy"], run.history[-1]["reviews_per_second"], run


def twin_speed(run, device, epochs=2):
    """Reviews a second of the same network in plain PyTorch on the same batches, in training and in prediction."""
    model = run.task.settings.model
    twin = torch_twin.Twin(int(run.model.model["vocab_size"]), **model).to(device)
    plan = run.plan(0)
    batches = [(*run.train.texts.batch(p)[:2], run.train.targets[p].argmax(1)) for p in plan]
    count, found = sum(map(len, plan)), []
    for _ in range(epochs):
        found.append(count / torch_twin.train(twin, batches, device))
    start = time.perf_counter()
    torch_twin.predict(twin, (batch[:2] for batch in batches), device)
    return max(found), count / (time.perf_counter() - start)


def predict_speed(predictor, texts):
    """Reviews a second from raw text, and of the model alone, weights included, copies too."""
    start = time.perf_counter()
    predictor.predict(texts)
    raw = len(texts) / (time.perf_counter() - start)
    engine, rng = predictor.classifier, np.random.default_rng(0)
    batch = predictor.inputs(list(rng.choice([t for t in texts if len(t) < 40], engine.batch_size)))
    engine(*batch)
    start = time.perf_counter()
    for _ in range(10):
        engine(*batch)
    return raw, 10 * len(batch[0]) / (time.perf_counter() - start)


def compare_answers(folder, texts, device):
    """Largest difference of logits between the device and numpy, and how many labels differ."""
    here, there = load(folder, device, "torch"), load(folder, "cpu", "numpy")
    difference = labels = 0
    for first in range(0, len(texts), 256):
        arrays = here.inputs(texts[first : first + 256])
        one, other = here.classifier(*arrays)[0], there.classifier(*arrays)[0]
        difference = max(difference, float(np.abs(one - other).max()))
        labels += int((one.argmax(1) != other.argmax(1)).sum())
    return difference, labels


def two_cores(options) -> float:
    """Reviews a second of the default recipe in training, on two cores of this machine."""
    reviews = min(options.reviews or 20_000, 20_000)
    command = [sys.executable, __file__, "--device", "cpu", "--reviews", str(reviews), "--epochs", "1", "--cells", "mlp",
               "--only-training"]
    if sys.platform.startswith("linux"):
        command = ["taskset", "-c", "0,1", *command]
    text = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "2"})
    return json.loads(text.stdout.splitlines()[-1])["speed"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="gpu")
    parser.add_argument("--reviews", type=int, help="number of training reviews, from the first on; default all")
    parser.add_argument("--epochs", type=int, help="default: those of each recipe")
    parser.add_argument("--cells", default=",".join(CELLS))
    parser.add_argument("--amp", action="store_true", help="bfloat16")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--only-training", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    device = torch_device(options.device)
    reviews = read_reviews(locate("nsmc").train)
    reviews = reviews.take(range(min(options.reviews or len(reviews), len(reviews))))
    tokens = tokenize_all(reviews.texts, "mecab")
    if options.only_training:
        print(json.dumps({"speed": train_cell(prepare_recipe("default", reviews, tokens, options), "mlp", "cpu")[1]}))
        return
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    console.print(f"{name}, torch {torch.__version__}, {len(reviews):,} reviews")
    figures = {"device": name, "versions": versions(), "reviews": len(reviews), "amp": options.amp, "training": {}}
    table = Table("recipe", "cell", "validation accuracy", "reviews/s in training", title="Training")
    for recipe in RECIPES:
        began = time.perf_counter()
        start = prepare_recipe(recipe, reviews, tokens, options)
        console.print(f"{recipe}: made ready in {time.perf_counter() - began:.0f} s")
        for cell in options.cells.split(","):
            accuracy, speed, run = train_cell(start, cell, options.device)
            figures["training"][f"{recipe} {cell}"] = {"accuracy": accuracy, "speed": speed}
            table.add_row(recipe, cell, f"{accuracy:.4f}", f"{speed:,.0f}")
            console.print(f"{recipe} {cell}: {accuracy:.4f}, {speed:,.0f} reviews/s")
            if (recipe, cell) == ("default", "mlp"):
                figures["twin"] = dict(zip(("training", "prediction"), twin_speed(run, device)))
    console.print(table)
    figures["two cores, training"] = two_cores(options)
    console.print(f"plain PyTorch on the same device: {figures.get('twin')}; two cores of this machine, in training: "
                  f"{figures['two cores, training']:,.0f} reviews/s")
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = train(reviews, Path(folder) / "model", evidence=True, framework="torch", device=options.device,
                           epochs=1, workers=1)
        texts = read_reviews(locate("nsmc").test).texts[: max(2000, len(reviews) // 3)]
        predictor = load(checkpoint, options.device, "torch")
        raw, model = predict_speed(predictor, texts)
        start = time.perf_counter()
        predictor.explain_all(texts[:500])
        explained = 500 / (time.perf_counter() - start)
        difference, labels = compare_answers(checkpoint, texts[:12_000], options.device)
    figures.update({"prediction from raw text": raw, "prediction, model alone": model, "explanations": explained,
                    "largest difference of logits": difference, "labels that differ": labels})
    console.print(f"prediction with weights: {raw:,.0f} reviews/s from raw text, {model:,.0f} in the model with copies; "
                  f"explanations {explained:,.0f}/s; logits differ from numpy's by at most {difference:.1e}, "
                  f"{labels} labels")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
