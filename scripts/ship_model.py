"""Put a trained model into the package, compressed, with its card.

Tables are stored in 8 bits, other parameters in 16. The script measures the accuracy before and after on NSMC's test file,
and writes the card from these figures.

    python scripts/ship_model.py runs/best
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

import gluonattn
from gluonattn.classifier.predictor import SHIPPED
from gluonattn.data.seen import SEEN
from gluonattn.data.sources import locate
from gluonattn.files import replace_file
from gluonattn.models.checkpoint import EVIDENCE, load_checkpoint, save_checkpoint
from gluonattn.models.compact import compact

sys.path.insert(0, str(Path(__file__).parent))
from benchmark_accuracy import bootstrap, calibration_error

LARGEST = 12_000_000  # bytes
CARD = """# The bundled model

A Bi-GRU with self-attention ({cell} cell) that reads Naver movie reviews: 부정 (negative) or 긍정 (positive).
`gluonattn explain "문장"` uses it when no other model is given. Written by `python scripts/ship_model.py`.

## Figures

NSMC's test file, {reviews:,} reviews with text, read once for this card.

| | accuracy (95 % interval) | macro F1 | calibration error |
| --- | --- | --- | --- |
| this model | {accuracy:.4f} ({low:.4f} to {high:.4f}) | {macro_f1:.4f} | {ece:.4f} |
| before its tables were reduced to 8 bits | {before:.4f} | | |
{alone}| without test reviews whose text is in the training set | {unseen:.4f} | | |

{megabytes:.1f} MB in all, {words:,} words, {ngrams:,} n-grams.
It was trained with one seed. docs/experiments.md has the spread over seeds.

## Data and recipe

{data}

`{command}` (gluonattn {version}), with an embedding of {embed} and a GRU of {hidden}; validation accuracy {validation:.4f}.

## Limits

- It knows short reviews of films from before 2016. It was not trained on other subjects, other
  registers or later slang.
- On the bundled sample (236 test reviews written for this project, full of irony and mixed feelings) it is right on
  {sample:.0%}.
- It learned from stars, so it often misreads irony and mixed feelings. The labels themselves are wrong for several
  reviews of a hundred.
- It reproduces what reviewers wrote, including their prejudices. Do not use it to judge people.
{weights}
## Licence

The weights have the licence of NSMC, CC0 (https://github.com/e9t/nsmc).
"""
EXTRA = """150,000 labelled training reviews of NSMC, of which {validation_share:.0%} were kept for validation, and the rest
of the same crawl with its stars (`python scripts/gather_crawl.py`; no review of the test file is among them)."""
BOTH = """150,000 labelled training reviews of NSMC, of which {validation_share:.0%} were kept for validation, and the rest
of the same crawl: first its texts for the language model, then its stars (`python scripts/gather_crawl.py`; no
review of the test file is among them)."""
PRETRAINED = """150,000 labelled training reviews of NSMC, of which {validation_share:.0%} were kept for validation,
and, without stars, the texts of the rest of the same crawl (`python scripts/gather_crawl.py`; no review
of the test file is among them)."""
THROUGH = """- Everything it reads passes through attention: words, and the evidence of n-grams for each (docs/evidence.md).
  The weights show what the network read, not why it decided. Each explanation has an account that adds up to the
  decision.
"""
BESIDE = """- The weights show what its network read. A linear branch over n-grams, which the weights do not show,
  also affects each decision; the table shows how much.
"""
PLAIN = "150,000 labelled training reviews of NSMC, of which {validation_share:.0%} were kept for validation."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path, help="checkpoint folder")
    parser.add_argument("--data", default="nsmc", help="nsmc, or a folder with its files")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="where to put it")
    arguments = parser.parse_args()
    checkpoint = load_checkpoint(arguments.model)
    source = locate(arguments.data)
    test = gluonattn.read_reviews(source.test)
    truth = np.array([int(label) for label in test.labels])
    before = positive(gluonattn.load(arguments.model), test.texts)

    settings = checkpoint.config["training"]
    for name in ("data", "extra", "pretrain", "teach"):  # where the files lay is of no use to anyone
        settings[name] = settings.get(name) and Path(settings[name]).name
    vocabulary = json.dumps(json.loads(checkpoint.vocabulary), ensure_ascii=False, separators=(",", ":"))
    save_checkpoint(arguments.out, checkpoint._replace(weights=compact(checkpoint.weights), vocabulary=vocabulary))
    if (arguments.model / SEEN).exists():
        replace_file(arguments.out / SEEN, (arguments.model / SEEN).read_bytes())
    model = gluonattn.load(arguments.out)
    shares = positive(model, test.texts)
    branch = checkpoint.config["model"].get("ngrams", 0)
    alone = ""
    if branch:
        without = positive(gluonattn.load(arguments.out), test.texts, ngrams=False)
        alone = f"| without the linear branch | {((without > 0.5) == truth).mean():.4f} | | |\n"
    known = set(gluonattn.read_reviews(source.train).texts)
    right = (shares > 0.5) == truth
    low, high = np.percentile(bootstrap(right), [2.5, 97.5])
    from sklearn.metrics import f1_score

    said = {(True, True): BOTH, (True, False): EXTRA, (False, True): PRETRAINED, (False, False): PLAIN}[
        bool(settings.get("extra")), bool(settings.get("pretrain"))]
    card = CARD.format(
        cell=settings["cell"], reviews=len(test), accuracy=right.mean(), low=low, high=high,
        macro_f1=f1_score(truth, shares > 0.5, average="macro"), ece=calibration_error(shares, truth),
        before=((before > 0.5) == truth).mean(), alone=alone, weights=BESIDE if branch else THROUGH,
        unseen=right[[text not in known for text in test.texts]].mean(),
        sample=model.evaluate(gluonattn.read_reviews(locate("sample").test))["accuracy"],
        megabytes=sum(file.stat().st_size for file in arguments.out.iterdir()) / 1e6,
        words=checkpoint.config["model"]["vocab_size"], ngrams=branch or len(checkpoint.weights.get(EVIDENCE[0], ())),
        data=said.format(validation_share=settings["validation"]),
        command=command(settings), version=gluonattn.__version__,
        embed=checkpoint.config["model"]["embed_size"], hidden=checkpoint.config["model"]["hidden_size"],
        validation=checkpoint.config["validation"]["valid_accuracy"],
    )
    (arguments.out / "README.md").write_text(card, encoding="utf-8")
    print(card)
    size = sum(file.stat().st_size for file in arguments.out.iterdir())
    if size > LARGEST:
        raise SystemExit(f"{arguments.out} has {size:,} bytes; the package may carry {LARGEST:,}.")


def positive(model, texts, ngrams: bool = True) -> np.ndarray:
    """Share of the label 1, with or without the linear branch."""
    if not ngrams:
        model._encode._known = model._encode._known[:0]
    return np.array([prediction.probabilities["1"] for prediction in model.predict(texts)])


def command(settings: dict) -> str:
    words = [f"gluonattn train --data nsmc --cell {settings['cell']}"]
    words += ["--ngrams"] * settings["ngrams"]
    words += ["--evidence"] * bool(settings.get("evidence"))
    words += [f"--{name} {settings[name]}" for name in ("extra", "pretrain", "teachers", "teach") if settings.get(name)]
    if settings.get("framework") == "torch":
        words += [f"--framework torch --device {settings['device']}", *["--amp"] * settings["amp"]]
    words += [f"--{name.replace('_', '-')} {settings['model'][name]}" for name in ("embed_size", "hidden_size")
              if name in settings["model"]]
    return " ".join([*words, f"--epochs {settings['epochs']}", f"--batch-size {settings['batch_size']}",
                     f"--learning-rate {settings['learning_rate']}", f"--validation {settings['validation']}",
                     f"--workers {settings['workers']}",
                     f"--seed {settings['seed']}"])


if __name__ == "__main__":
    main()
