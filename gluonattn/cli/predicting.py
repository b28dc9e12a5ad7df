"""Label a file of texts, and export a model."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from ..console import print_json
from ..options import AsJson, Device, Engine, MaxLength, Model, Target, TextColumn
from ..progress import Bar
from .explaining import attribution_method
from .registry import command


@command("Predict and explain", "predict reviews.csv --out scored.csv",
    "predict reviews.csv --out scored.csv --explain default --top 3",
    "predict --model runs/mlp reviews.tsv --out scored.tsv --weights weights.jsonl",
    "predict parts/ --out scored/ --on spark://host:7077")
def predict(
    model: Optional[Path] = Model,
    source: Path = typer.Argument(..., help="TSV, CSV, JSONL (also .gz, .bz2, .xz) or Parquet file of any size, or a folder "
                                            "of them."),
    out: Path = typer.Option(..., help="File to write, or a new folder for parts. Every row and column of the source is "
                                       "kept."),
    on: Optional[str] = typer.Option(None, help="A cluster: spark://HOST:7077, ray://HOST:6379, dask://HOST:8786, or spark, "
                                                "ray or dask for the cluster of the environment. Default: all cores of "
                                                "this machine."),
    weights: Optional[Path] = typer.Option(None, help="File for the attention weights, as JSONL."),
    method: Optional[str] = typer.Option(None, help="Attribution to add to --weights, as for explain."),
    explained: Optional[str] = typer.Option(None, "--explain", help="Also write the top words of this attribution, "
                                                                    "with their scores. default is as for explain."),
    top: int = typer.Option(5, help="Number of words for --explain."),
    target: Optional[str] = Target,
    text_column: Optional[str] = TextColumn,
    device: str = Device,
    engine: str = Engine,
    max_length: Optional[int] = MaxLength,
    as_json: bool = AsJson,
) -> None:
    """Label a file of reviews."""
    from .. import early

    many = on is not None or source.is_dir() or early.is_folder(out)
    if not source.is_dir():
        early.require_columns(source, text_column)
    early.require_writable([*([] if early.is_folder(out) else [out]), *([weights] if weights else [])], inputs=[model])
    bar = Bar("predicting")
    if many:
        from ..scale import Scorer, score_files

        early.require_cpu(device)
        scorer = Scorer.of(model, engine=engine, text_column=text_column, explain=attribution_method(explained), top=top,
                           target=target, max_length=max_length)
        counts = score_files(source, out, scorer, on=on, weights=weights, method=attribution_method(method))
    else:
        from ..classifier.opened.loading import load_any
        from ..classifier.scoring import score_file

        predictor = load_any(model, device, engine, max_length)
        total = source.stat().st_size if source.exists() else 0
        counts = score_file(predictor, source, out, text_column=text_column, weights=weights,
                            method=attribution_method(method), target=target, explain=attribution_method(explained), top=top,
                            on_bytes=lambda n: bar.add(n, total))
    bar.hide()
    if as_json:
        print_json({"out": str(out), **counts})
        return
    blank = counts["without_text"]
    note = f" ({blank:,} have no text and no label)" if blank else ""
    typer.echo(f"{counts['rows']:,} rows{note} -> {out}")


@command("Predict and explain", "export --model runs/mlp --to onnx --out model.onnx",
                              "export --model runs/mlp --to torch --out model.safetensors",
                              "export --model runs/mlp --to mxnet --out model")
def export(
    model: Optional[Path] = Model,
    to: str = typer.Option(..., help="onnx, for onnxruntime; torch, for gluonattn.torch_module; mxnet, for "
                                        "SymbolBlock and MXNet's other languages."),
    out: Path = typer.Option(..., help="File to write. For mxnet, the prefix of its files."),
    as_json: bool = AsJson,
) -> None:
    """Export a model to another framework, with the same logits and weights."""
    from .. import early

    early.require_writable([out], inputs=[model])
    from ..classifier.engines.export import export_model
    from ..classifier.predictor import shipped

    path = export_model(model or shipped(), to, out)
    if as_json:
        print_json({"out": str(path), "to": to, "bytes": path.stat().st_size})
        return
    typer.echo(f"wrote {path} ({to})")
