"""Train a classifier, and evaluate it.

Stays whole: half of `train` is options, from which its help is made. The rest parses, calls and prints, in that
order.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Optional

import typer

from .. import console
from ..console import command_line, print_json
from ..options import SENTENCE, AsJson, Device, Engine, LabelColumn, Log, Model, TextColumn
from ..progress import Bar
from .registry import command

_SHARED = 0.1  # fraction of reviews; a few short ones ("최고") are in every file


@command("Train and evaluate", "train --out runs/sample",
    "train --data nsmc --cell mlp --out runs/mlp",
    "train --data nsmc --cell mlp --out runs/mlp --resume",
    "train --data nsmc --evidence --extra crawl.tsv.gz --out runs/best",
    'train --data my.csv --evidence --extra more.csv --score-labels "1..2=bad, 4..5=good" --out runs/more',
    "train --data nsmc --evidence --teachers runs/a,runs/b --teach crawl.tsv.gz --out runs/student",
    "train --data nsmc --evidence --framework torch --device gpu --amp --out runs/gpu",
    "train --data nsmc --hosts a,b,c --host-rank 0 --out runs/several",
    "train --data my.csv --text-column review --label-column stars --out runs/mine")
def train(
    context: typer.Context,
    data: str = typer.Option("sample", help="sample, nsmc, a folder with NSMC, or a TSV, CSV or JSONL file."),
    out: Path = typer.Option("runs/model", help="Checkpoint folder to write."),
    cell: str = typer.Option("mlp", help="Attention cell. See `gluonattn cells`."),
    recipe: str = typer.Option("default", help="default, or post: exactly the model of the GluonNLP post."),
    evidence: bool = typer.Option(False, help="Also read n-gram evidence for each token: more accurate, and the evidence "
                                              "passes through attention."),
    ngrams: bool = typer.Option(False, help="Older method, with n-grams beside the attention. --evidence replaces "
                                            "it."),
    extra: Optional[str] = typer.Option(
        None, help="More reviews, trained on first: a table with the same labels or with scores, or a file of "
                   "scripts/gather_crawl.py."),
    extra_text: Optional[str] = typer.Option(None, help="Text column of --extra."),
    extra_label: Optional[str] = typer.Option(None, help="Label column of --extra."),
    extra_score: Optional[str] = typer.Option(None, help="Score column of --extra. It needs --score-labels."),
    score_labels: Optional[str] = typer.Option(None, help='Labels for the scores of --extra: "1..4=0, 9..10=1". Others are '
                                                          "left out."),
    pretrain: Optional[str] = typer.Option(None, help="Unlabelled texts to pretrain on: a table, a .txt file or a "
                                                      "file of scripts/gather_crawl.py. Or the folder of a "
                                                      "pretrained run."),
    pretrain_text: Optional[str] = typer.Option(None, help="Text column of --pretrain."),
    pretrain_epochs: int = typer.Option(1, help="Epochs of pretraining."),
    pretrain_sampled: int = typer.Option(512, help="Wrong words sampled for each correct one in pretraining. 0 "
                                                   "takes all words, with torch on a GPU."),
    extra_epochs: Optional[int] = typer.Option(None, help="Epochs over the texts of --extra and --teach. Default: "
                                                          "2."),
    teachers: Optional[str] = typer.Option(None, help="Learn from the mean prediction of these teachers: folders of other "
                                                      "runs or tables of soft labels, separated by commas."),
    teach: Optional[str] = typer.Option(None, help="More texts for the teachers to "
                                                   "label: a table, a .txt file, or a file of "
                                                  "scripts/gather_crawl.py."),
    teach_text: Optional[str] = typer.Option(None, help="Text column of --teach."),
    teach_share: float = typer.Option(0.5, help="Weight of the teachers' labels for texts that have their own "
                                                "label."),
    embed_size: Optional[int] = typer.Option(None, min=1, max=4096, help="Width of the word vectors. Default: 64, 128 with "
                                                                          "evidence, post 50."),
    hidden_size: Optional[int] = typer.Option(None, min=1, max=4096, help="Width of the GRU in each direction. Default: 48, "
                                                                           "128 with evidence, post 64."),
    tokenizer: str = typer.Option("mecab", help="See `gluonattn tokenizers`."),
    epochs: Optional[int] = typer.Option(None, help="Default: 4, 3 with evidence; 15 for fewer than 20,000 reviews."),
    batch_size: Optional[int] = typer.Option(None, help="Default: 256; 32 for fewer than 20,000 reviews; "
                                                            "post 128."),
    learning_rate: Optional[float] = typer.Option(None, help="Adam's learning rate. "
                                                             "Default: 0.008, half with evidence, less for "
                                                                 "batches below 256; post 0.001."),
    schedule: Optional[str] = typer.Option(None, help="linear (default), cosine or constant."),
    min_count: Optional[int] = typer.Option(None, help="Minimum number of occurrences of a word in the vocabulary."),
    max_length: int = typer.Option(48, help="Number of tokens to read of each training text."),
    validation: float = typer.Option(0.1, help="Fraction of the training reviews kept for validation."),
    patience: Optional[int] = typer.Option(None, help="Stop after this many epochs without a better loss."),
    seed: int = typer.Option(0, help="Seed of the split, the initial weights and the order of reviews."),
    device: str = typer.Option("auto", help="auto, cpu, gpu or gpu:N; with MXNet also several, as in gpu:0,1."),
    framework: str = typer.Option("auto", help="mxnet or torch. auto is MXNet if it is installed. torch needs "
                                               "no MXNet and supports GPUs that MXNet does not."),
    amp: bool = typer.Option(False, help="Compute in bfloat16 where possible (torch on a GPU)."),
    workers: Optional[int] = typer.Option(
        None, help="Number of processes on the CPU. Default: one for each core, 1 for fewer than 20,000 reviews."),
    hosts: Optional[str] = typer.Option(None, help="Machines to train on: names separated by commas, or auto under "
                                                   "mpirun, SLURM or Kubernetes. Run the same command on each. See "
                                                   "docs/scale.md."),
    host_rank: Optional[int] = typer.Option(None, help="Position of this machine in --hosts, from 0. Default: by name."),
    text_column: Optional[str] = TextColumn,
    label_column: Optional[str] = LabelColumn,
    resume: bool = typer.Option(False, help="Continue a stopped or killed run."),
    save_every: float = typer.Option(60.0, help="Seconds between resume files."),
    log: list[str] = Log,
    keep_epochs: bool = typer.Option(False, help="Keep the model of each epoch, in OUT/epochs: `gluonattn report epochs` "
                                                 "shows how attention develops."),
    as_json: bool = AsJson,
) -> None:
    """Train a classifier. Ctrl-C saves the run, --resume continues it."""
    from .. import early
    from ..classifier.stage import find_stage

    shown = console.rich_console(stderr=as_json)
    if hosts is None:
        console.refuse_given(context, "there are no other machines without --hosts", "host_rank")
        machines = None
    else:
        from ..training.machines import find_machines

        console.refuse_given(context, "--hosts already names each process (a machine can be named several times)", "workers")
        machines = find_machines(hosts, host_rank)
        if machines.rank:
            from ..training.hosts import follow

            follow(machines, shown.print)  # such a machine needs no data and writes nothing
            return
    early.require_reviews(data, text_column, label_column)
    if extra is not None:
        early.require_readable(Path(extra), "Check the path, or gather it: python scripts/gather_crawl.py.")
    if extra is None:
        console.refuse_given(context, "there are no other reviews without --extra FILE", "extra_text", "extra_label",
                             "extra_score", "score_labels")
    if extra is None and teachers is None:
        console.refuse_given(context, "there are no other reviews without --extra FILE or --teachers", "extra_epochs")
    if teachers is None:
        console.refuse_given(context, "there are no teachers without --teachers", "teach", "teach_text", "teach_share")
    elif teach is not None:
        early.require_readable(Path(teach), "Check the path, or leave --teach out.")
    else:
        console.refuse_given(context, "there are no such texts without --teach FILE", "teach_text")
    if pretrain is not None:
        early.require_readable(find_stage(pretrain) or Path(pretrain), "Check the path, or leave --pretrain out.")
    else:
        console.refuse_given(context, "there are no texts to pretrain on without --pretrain FILE", "pretrain_text",
                             "pretrain_epochs", "pretrain_sampled")
    if ngrams:
        console.rich_console(stderr=True).print("--ngrams bypasses the attention and is kept for older runs: "
                                                "with --evidence all n-grams pass through the attention.")
    from ..classifier.settings import ClassifierSettings
    from ..classifier.training import train as run_training
    from ..training.callbacks import Progress
    from ..training.hosts import lead
    from ..training.loggers import make_loggers

    settings = ClassifierSettings(
        recipe=recipe, cell=cell, evidence=evidence, ngrams=ngrams, extra=extra, extra_text=extra_text,
        extra_label=extra_label, extra_score=extra_score, score_labels=score_labels, pretrain=pretrain,
        pretrain_text=pretrain_text, pretrain_epochs=pretrain_epochs, pretrain_sampled=pretrain_sampled,
        extra_epochs=extra_epochs, teachers=teachers, teach=teach, teach_text=teach_text, teach_share=teach_share,
        tokenizer=tokenizer,
        epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, schedule=schedule,
        min_count=min_count, max_length=max_length,
        validation=validation, patience=patience, seed=seed, device=device,
        workers=machines.size if machines else workers, framework=framework, amp=amp,
        model={name: value for name, value in (("embed_size", embed_size), ("hidden_size", hidden_size)) if value},
    )
    with lead(machines, shown.print):
        folder = run_training(
            data, out, settings=settings, text_column=text_column, label_column=label_column, resume=resume,
            callbacks=[Progress(shown), *make_loggers(log, out, asdict(settings))], save_every=save_every,
            keep_epochs=keep_epochs, tokenizing=Bar("tokenizing"), fitting=Bar("fitting n-grams"), report=shown.print,
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
    data: str = typer.Option("sample", help="As for train. For sample and nsmc, the test file is used."),
    device: str = Device,
    engine: str = Engine,
    text_column: Optional[str] = TextColumn,
    label_column: Optional[str] = LabelColumn,
    as_json: bool = AsJson,
) -> None:
    """Measure accuracy, F1 and the confusion matrix on labelled reviews."""
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
    if learnt and learnt[0] > _SHARED and learnt[0] * learnt[1] > 2.5:  # at least three: one or two are not significant
        typer.echo(f"about {learnt[0]:.0%} of these reviews are among those it was trained on: it has seen them, so "
                   "expect a lower accuracy on others")
