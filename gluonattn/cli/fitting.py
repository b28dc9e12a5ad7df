"""Fit a weight for each head of a model, for the method attention-fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from ..console import print_json
from ..errors import LARGEST_SEED, OptionError
from ..options import AsJson, Device, Engine, MaxLength, TextColumn
from ..progress import Bar
from .registry import command


@command("Predict and explain", "fit-attention reviews.tsv --model my-koelectra-folder",
         "fit-attention reviews.csv --model runs/multi-head --texts 500 --ablations 64 --json")
def fit_attention(
    source: Path = typer.Argument(..., help="TSV, CSV, JSONL or text file. Its labels are not read."),
    model: Path = typer.Option(..., "--model", "-m", help="Checkpoint folder, or a transformers folder. The weights are "
                                                          "written into it, beside the model."),
    texts: int = typer.Option(300, help="Number of texts drawn from the file."),
    ablations: int = typer.Option(32, help="Number of times that a random half of a text's words is removed."),
    text_column: Optional[str] = TextColumn,
    seed: int = typer.Option(0, min=0, max=LARGEST_SEED, help="Seed of the random draws."),
    device: str = Device,
    engine: str = Engine,
    max_length: Optional[int] = MaxLength,
    as_json: bool = AsJson,
) -> None:
    """Learn a weight for each head, so that attention predicts how removing words changes the decision (AT2)."""
    import numpy as np

    from .. import early
    from ..classifier.fitted import FILE
    from ..classifier.fitting import fit_attention
    from ..classifier.opened.loading import load_any
    from ..models.checkpoint import no_folder_error

    if texts < 1:
        raise OptionError(f"--texts, the number of texts to draw, must be at least 1; got {texts}.")
    if not model.is_dir():
        raise no_folder_error(model)
    early.require_writable([model / FILE], inputs=[source])
    read = early.read_sentences(source, text_column)
    drawn = np.random.default_rng(seed).permutation(len(read))[:texts]
    predictor = load_any(model, device, engine, max_length)
    bar = Bar("removing words")
    found = fit_attention(predictor, [read[i] for i in sorted(drawn)], ablations=ablations, seed=seed, progress=bar)
    bar.hide()
    found.save(model / FILE)
    if as_json:
        print_json({"layers": len(found.weights), "heads": len(found.weights[0]), "texts": found.texts, "held": found.held,
                    "ablations": found.ablations, "correlation": round(found.correlation, 4),
                    "correlation_even": round(found.even, 4), "out": str(model / FILE)})
        return
    typer.echo(f"wrote {model / FILE}: {len(found.weights)} x {len(found.weights[0])} weights of {found.texts:,} texts\n"
               f"on {found.held:,} other texts the predicted and the true change correlate with {found.correlation:.3f}; "
               f"with equal weights on the heads of the last layer: {found.even:.3f}")
