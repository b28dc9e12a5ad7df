"""Train a classifier, and ask how good it is.

Stays whole: `train` is half options, of which the help is made. The rest parses, calls and prints, in that
order.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Optional

import typer

from .. import console
from ..console import command_line, print_json
from ..options import SENTENCE, AsJson, Device, Engine, LabelColumn, Model, TextColumn
from ..progress import Bar
from .registry import command

_SHARED = 0.1  # of reviews; a few short ones ("최고") stand in every file


@command("Train and evaluate", "train --out runs/sample",
    "train --data nsmc --cell mlp --out runs/mlp",
    "train --data nsmc --cell mlp --out runs/mlp --resume",
    "train --data nsmc --evidence --extra crawl.tsv.gz --out runs/best",
    'train --data my.csv --evidence --extra more.csv --score-labels "1..2=bad, 4..5=good" --out runs/more',
    "train --data nsmc --evidence --teachers runs/a,runs/b --teach crawl.tsv.gz --out runs/student",
    "train --data nsmc --evidence --framework torch --device gpu --amp --out runs/gpu",
    "train --data my.csv --text-column review --label-column stars --out runs/mine")
def train(
    context: typer.Context,
    data: str = typer.Option("sample", help="sample, nsmc, a folder with NSMC, or a TSV, CSV or JSONL file."),
    out: Path = typer.Option("runs/model", help="Checkpoint folder to write."),
    cell: str = typer.Option("mlp", help="Attention cell; see `gluonattn cells`."),
    recipe: str = typer.Option("default", help="default, or post: the GluonNLP post's model to the letter."),
    evidence: bool = typer.Option(False, help="Read what n-grams say of each token too: more accurate, and all of it "
                                             "through attention."),
    ngrams: bool = typer.Option(False, help="The older way, n-grams beside the attention; --evidence takes its place."),
    extra: Optional[str] = typer.Option(
        None, help="More reviews, read first: a table with the same labels or with scores, or a file of "
                   "scripts/gather_crawl.py."),
    extra_text: Optional[str] = typer.Option(None, help="Column of its texts."),
    extra_label: Optional[str] = typer.Option(None, help="Column of its labels."),
    extra_score: Optional[str] = typer.Option(None, help="Column of its scores; needs --score-labels."),
    score_labels: Optional[str] = typer.Option(None, help='What its scores stand for: "1..4=0, 9..10=1"; other scores are '
                                                          "left out."),
    pretrain: Optional[str] = typer.Option(None, help="Texts without labels to learn words from first: a table, a .txt "
                                                     "file, or a file of scripts/gather_crawl.py; or the run that has."),
    pretrain_text: Optional[str] = typer.Option(None, help="Column of these texts."),
    pretrain_epochs: int = typer.Option(1, help="Epochs over them."),
    pretrain_sampled: int = typer.Option(512, help="Words that stand against the right one there; 0: all, with torch on a "
                                                   "GPU."),
    extra_epochs: Optional[int] = typer.Option(None, help="Epochs that read the texts of --extra and --teach; default 2."),
    teachers: Optional[str] = typer.Option(None, help="Folders of other runs, or tables of soft labels, parted by commas: "
                                                     "learn what they say in the mean."),
    teach: Optional[str] = typer.Option(None, help="More texts for them to label: a table, a .txt file, or a file of "
                                                  "scripts/gather_crawl.py."),
    teach_text: Optional[str] = typer.Option(None, help="Column of these texts."),
    teach_share: float = typer.Option(0.5, help="What a text with a label of its own takes of the teachers'."),
    embed_size: Optional[int] = typer.Option(None, min=1, max=4096, help="Width of the word vectors; default 64, 128 with "
                                                                          "evidence, post 50."),
    hidden_size: Optional[int] = typer.Option(None, min=1, max=4096, help="Width of the GRU in each direction; default 48, "
                                                                           "128 with evidence, post 64."),
    tokenizer: str = typer.Option("mecab", help="See `gluonattn tokenizers`."),
    epochs: Optional[int] = typer.Option(None, help="Default 4, 3 with evidence; 15 for fewer than 20,000 reviews."),
    batch_size: Optional[int] = typer.Option(None, help="Default 256; 32 for fewer than 20,000 reviews; "
                                                            "post 128."),
    learning_rate: Optional[float] = typer.Option(None, help="Adam's; default 0.008, half with evidence, less for "
                                                                 "batches below 256; post 0.001."),
    schedule: Optional[str] = typer.Option(None, help="linear (default), cosine or constant."),
    min_count: Optional[int] = typer.Option(None, help="Fewest occurrences of a word in the vocabulary."),
    max_length: int = typer.Option(48, help="Longest training text in tokens."),
    validation: float = typer.Option(0.1, help="Share of the training reviews kept for validation."),
    patience: Optional[int] = typer.Option(None, help="Stop after so many epochs without a better loss."),
    seed: int = typer.Option(0, help="Of the split, the first weights and the order of reviews."),
    device: str = Device,
    framework: str = typer.Option("auto", help="mxnet or torch; auto is MXNet where it is installed. torch needs no "
                                               "MXNet, and runs on GPUs that MXNet's code does not."),
    amp: bool = typer.Option(False, help="Compute in bfloat16 where it serves; torch on a GPU."),
    workers: Optional[int] = typer.Option(
        None, help="Processes on CPU; default one a core, 1 for fewer than 20,000 reviews."),
    text_column: Optional[str] = TextColumn,
    label_column: Optional[str] = LabelColumn,
    resume: bool = typer.Option(False, help="Go on where a stopped or killed run was."),
    save_every: float = typer.Option(60.0, help="Seconds between resume files."),
    keep_epochs: bool = typer.Option(False, help="Keep the model of each epoch, in OUT/epochs: `gluonattn report epochs` "
                                                 "shows how attention came about."),
    as_json: bool = AsJson,
) -> None:
    """Train a classifier. Ctrl-C saves; --resume goes on."""
    from .. import early
    from ..classifier.stage import find_stage

    early.require_reviews(data, text_column, label_column)
    if extra is not None:
        early.require_readable(Path(extra), "Check the path, or gather it: python scripts/gather_crawl.py.")
    if extra is None:
        console.refuse_given(context, "there are no other reviews without --extra FILE", "extra_text", "extra_label",
                             "extra_score", "score_labels")
    if extra is None and teachers is None:
        console.refuse_given(context, "there are no other reviews without --extra FILE or --teachers", "extra_epochs")
    if teachers is None:
        console.refuse_given(context, "nobody teaches without --teachers", "teach", "teach_text", "teach_share")
    elif teach is not None:
        early.require_readable(Path(teach), "Check the path, or leave --teach out.")
    else:
        console.refuse_given(context, "there are no such texts without --teach FILE", "teach_text")
    if pretrain is not None:
        early.require_readable(find_stage(pretrain) or Path(pretrain), "Check the path, or leave --pretrain out.")
    else:
        console.refuse_given(context, "there are no texts to learn from first without --pretrain FILE", "pretrain_text",
                             "pretrain_epochs", "pretrain_sampled")
    if ngrams:
        console.rich_console(stderr=True).print("--ngrams decides beside the attention and is kept for runs begun with it: "
                                                "with --evidence all of it passes through the attention.")
    from ..classifier.settings import ClassifierSettings
    from ..classifier.training import train as run_training
    from ..training.callbacks import Progress

    settings = ClassifierSettings(
        recipe=recipe, cell=cell, evidence=evidence, ngrams=ngrams, extra=extra, extra_text=extra_text,
        extra_label=extra_label, extra_score=extra_score, score_labels=score_labels, pretrain=pretrain,
        pretrain_text=pretrain_text, pretrain_epochs=pretrain_epochs, pretrain_sampled=pretrain_sampled,
        extra_epochs=extra_epochs, teachers=teachers, teach=teach, teach_text=teach_text, teach_share=teach_share,
        tokenizer=tokenizer,
        epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, schedule=schedule,
        min_count=min_count, max_length=max_length,
        validation=validation, patience=patience, seed=seed, device=device, workers=workers,
        framework=framework, amp=amp,
        model={name: value for name, value in (("embed_size", embed_size), ("hidden_size", hidden_size)) if value},
    )
    shown = console.rich_console(stderr=as_json)
    folder = run_training(
        data, out, settings=settings, text_column=text_column, label_column=label_column, resume=resume,
        callbacks=[Progress(shown)], save_every=save_every, keep_epochs=keep_epochs, tokenizing=Bar("tokenizing"),
        fitting=Bar("fitting n-grams"), report=shown.print,
    )
    history = json.loads((folder / "history.json").read_text())
    best = json.loads((folder / "config.json").read_text())["validation"]
    if as_json:
        print_json({"model": str(folder), "best": best, "history": history})
        return
    shown.print(f"saved {folder}: epoch {best['epoch']}, validation accuracy {best['valid_accuracy']:.4f}")
    evaluating = command_line("evaluate", model=folder, data=data, text_column=text_column, label_column=label_column)
    shown.print(f"next: {evaluating}\n      {command_line('explain', SENTENCE, model=folder)}")


@command("Train and evaluate", "evaluate --data nsmc", "evaluate --model runs/mlp --data held_out.csv --json")
def evaluate(
    model: Optional[Path] = Model,
    data: str = typer.Option("sample", help="As for train; the test file of sample and nsmc is taken."),
    device: str = Device,
    engine: str = Engine,
    text_column: Optional[str] = TextColumn,
    label_column: Optional[str] = LabelColumn,
    as_json: bool = AsJson,
) -> None:
    """Accuracy, F1 and confusion matrix on labelled reviews."""
    from .. import early
    from ..data.reviews import read_reviews
    from ..data.seen import estimate_seen_fraction
    from ..data.sources import locate

    early.require_reviews(data, text_column, label_column)
    source = locate(data)
    from ..classifier.predictor import load

    predictor = load(model, device, engine)
    reviews = read_reviews(source.test or source.train, text_column=text_column, label_column=label_column,
                           known_labels=predictor.labels)
    result = predictor.evaluate(reviews)
    learnt = estimate_seen_fraction(predictor.folder, reviews.texts, predictor.config.get("fingerprint"))
    if learnt is not None:
        result["trained_on"] = {"share": round(learnt[0], 3), "sampled": learnt[1]}
    if as_json:
        print_json(result)
        return
    typer.echo(str(reviews))
    typer.echo(f"accuracy {result['accuracy']:.4f}   macro F1 {result['macro_f1']:.4f}   "
               f"log loss {result['log_loss']:.4f}")
    typer.echo("true label -> predicted: " + ", ".join(predictor.labels))
    for label, row in zip(predictor.labels, result["confusion"]):
        typer.echo(f"  {label}: " + "  ".join(f"{n:,}" for n in row))
    if learnt and learnt[0] > _SHARED and learnt[0] * learnt[1] > 2.5:  # three of them: one or two say nothing
        typer.echo(f"about {learnt[0]:.0%} of these reviews are among those it was trained on: it has learnt them, so "
                   "expect less of it on others")
