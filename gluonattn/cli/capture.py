"""The commands `capture` and `project`: parse, call the public API, print.

Stays whole: half of `capture` is options, from which its help is made. The rest parses, calls and prints, in that
order.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Optional

import typer

from ..console import command_line, print_json
from ..errors import LARGEST_SEED, DataError, OptionError, choose
from ..options import SENTENCE, Heads, Layers, Queries, Top, read_numbers
from ..progress import Bar
from ..record import AttentionRecord
from ..record.modes import MODES, change_mode
from .registry import command

KINDS = ("encoder", "decoder", "cross")


@command("Other people's Transformers",
         f'capture --model ./my-bert --text "{SENTENCE}" --out heads.html',
         'capture --model ./my-bert --text "$(cat long.txt)" --layers 0,11 --queries 0-31 --top 64 --out long.html',
         'capture --model ./my-nli --text "비가 온다" --pair "날이 맑다" --between shares --out shares.png',
         'capture --model ./my-gpt --text "옛날 옛적에" --generate 20 --unit eojeol --out heads.png')
def capture(
    model: str = typer.Option(..., help="Hugging Face folder, or a name to download."),
    texts: list[str] = typer.Option(..., "--text", help="A sentence. Can be given several times."),
    target: Optional[list[str]] = typer.Option(
        None, help="Text for the decoder, one for each sentence. Without it the model generates."),
    generate: int = typer.Option(0, min=0, help="Number of tokens to generate."),
    kind: Optional[str] = typer.Option(None, help="encoder, decoder or cross. Default: all that the model has."),
    unit: str = typer.Option("token", help="Unit of the weights: token, eojeol, or a tokenizer (`gluonattn tokenizers`)."),
    mode: str = typer.Option("weights", help="weights, rollout or value-weighted."),
    pair: Optional[str] = typer.Option(None, help="A second sentence, read together with the --text."),
    between: Optional[str] = typer.Option(None, help="Part of a pair: A-B (A attends to B), B-A, A-A or B-B, or shares "
                                                     "of the attention."),
    layers: Optional[str] = Layers,
    heads: Optional[str] = Heads,
    queries: Optional[str] = Queries,
    top: Optional[int] = Top,
    max_length: Optional[int] = typer.Option(None, help="Number of tokens to read with these options. Default: all."),
    out: list[Path] = typer.Option([], help="File to write: .html (a page of all heads), .png, .svg, .pdf (a grid), "
                                            ".npz (the record). Can be given several times."),
    lang: str = typer.Option("ko", help="Labels of a page: ko or en."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON, for a program to read."),
) -> None:
    """Capture the attention of a Hugging Face model: every layer and head, checked."""
    from .. import early
    from ..models.checkpoint import is_checkpoint, recipe_of
    from ..models.config import has_commands
    from ..record.pairs import WAYS
    from ..text import KNOWN
    from ..views.page import LANGUAGES

    choose("mode", mode, dict.fromkeys(MODES))
    if target and len(target) != len(texts):
        raise OptionError(f"got {len(texts)} --text and {len(target)} --target: give one --target for each --text.")
    choose("way between sentences", between or "shares", {**WAYS, "shares": None})
    if between and pair is None:
        raise OptionError("--between needs two sentences: give --pair SENTENCE too.")
    choose("kind", kind or "encoder", dict.fromkeys(KINDS))
    choose("unit", unit, dict.fromkeys(("token", "eojeol", *KNOWN)))
    choose("language", lang, LANGUAGES)
    _endings(out, ".html", ".png", ".svg", ".pdf", ".npz")
    early.require_writable(out)
    _require_model(model)
    if is_checkpoint(Path(model)):
        recipe = recipe_of(model) or ""
        shown = (command_line(recipe, "report", model) if has_commands(recipe)
                 else command_line("explain", *texts, model=model))
        raise OptionError(f"{model} is a checkpoint of gluonattn, but capture opens Hugging Face models. To see its "
                          f"attention, run: {shown}")
    from ..capture.pretrained import load_pretrained, pretrained_records
    from ..views.grid_page import grid_page

    chosen: dict[str, Any] = {
        "pair": pair, "layers": read_numbers("--layers", layers), "heads": read_numbers("--heads", heads),
        "queries": read_numbers("--queries", queries), "top": top, "max_length": max_length}
    checks: list[Any] = []
    if any(value is not None for value in chosen.values()):
        if target or generate or kind or mode != "weights":
            raise OptionError("--pair, --layers, --heads, --queries, --top and --max-length select weights of texts: "
                              "leave out --target, --generate, --kind and --mode.")
        from ..capture.chosen import chosen_attention

        opened, tokens_of = load_pretrained(model)
        records = [_between(chosen_attention(opened, tokens_of, text, **chosen), between) for text in texts]
    else:
        records, checks = pretrained_records(model, texts, target_texts=target or None, generate=generate, kind=kind,
                                             vectors=mode == "value-weighted")
    records = [_merged(change_mode(record, mode), unit) for record in records]
    rows = [{"kind": r.kind, "layers": r.layers, "heads": r.heads, "queries": len(r.queries), "keys": len(r.keys),
             "text": r.text, "target_text": r.target_text} for r in records]
    worst = max((c.weights_error for c in checks), default=None)
    for path in out:
        if path.suffix.lower() == ".html":
            _write(path, grid_page(records, lang=lang))
        else:
            _one_file(records, path)
    if as_json:
        print_json({"records": rows, "largest_error": worst, "out": list(map(str, out))})
        return
    for row, record in zip(rows, records):
        tokens = " ".join(t.text for t in record.queries[:12]) + (" ..." if len(record.queries) > 12 else "")
        typer.echo(f"{row['kind']:8} {row['layers']} layers x {row['heads']} heads, {row['queries']} x {row['keys']} "
                   f"tokens: {tokens}")
    if not any("chosen" in record.source for record in records):
        typer.echo("the layers return no queries and keys, so their weights were not checked" if worst is None else
                   f"weights differ from softmax(QK) by {worst:.1e} at most")
    for path in out:
        typer.echo(f"wrote {path}")


@command("Other people's Transformers", "project ./my-bert --from sentences.txt --out map.html",
         "project runs/dot --method tsne --out map.png")
def project(
    model: str = typer.Argument(..., help="Hugging Face folder or name, or a checkpoint folder with a dot-product cell."),
    source: str = typer.Option("sample", "--from", help="Sentences: sample, nsmc (its test reviews), a text file (one per "
                                                        "line), TSV, CSV or JSONL."),
    count: int = typer.Option(300, min=1, help="Number of sentences to read from it."),
    layer: Optional[int] = typer.Option(None, help="One layer. Default: all in a page, 0 in a picture."),
    head: Optional[int] = typer.Option(None, help="One head. Default: as for --layer."),
    method: str = typer.Option("pca", help="pca, tsne or umap."),
    colour: str = typer.Option("side", help="Colour of a picture's points: side, position, norm or tag. On a page "
                                            "it can be changed."),
    tags: Optional[str] = typer.Option(None, help="Tokenizer from which the tokens get parts of speech, such as "
                                                  "mecab."),
    special: bool = typer.Option(True, help="Map special tokens such as [CLS] and [SEP] too; they may dominate "
                                            "the map."),
    out: list[Path] = typer.Option(..., help="File to write: .html (every head) or .png, .svg, .pdf (one head, before and "
                                             "after). Can be given several times."),
    seed: int = typer.Option(0, min=0, max=LARGEST_SEED, help="Seed of the map's random start."),
    lang: str = typer.Option("ko", help="Labels of a page: ko or en."),
) -> None:
    """Map queries and keys together (AttentionViz): closer points have larger dot products."""
    import numpy as np

    from .. import early
    from ..text import KNOWN
    from ..views.joint import METHODS, joint_heads
    from ..views.page import LANGUAGES

    choose("projection", method, METHODS)
    choose("language", lang, LANGUAGES)
    choose("tokenizer", tags or "mecab", KNOWN)
    _endings(out, ".html", ".png", ".svg", ".pdf")
    early.require_writable(out, inputs=[Path(source)])
    _require_model(model)
    texts = _texts(source)[:count]
    bar = Bar("sentences")
    records = _vector_records(model, texts, bar)
    if not special:
        records = [_words_only(record) for record in records]
    if tags:
        from ..text import tokenizer
        from ..text.merge import tag_tokens

        split = tokenizer(tags)
        records = [tag_tokens(record, split) for record in records]
    shape = records[0].weights.shape[:2]
    total = (shape[0] if layer is None else 1) * (shape[1] if head is None else 1)
    found = list(_shown(joint_heads(records, layer=layer, head=head, seed=seed), Bar("heads"), total))
    for path in out:
        _map(records, found, path, method, colour, seed, lang)
        typer.echo(f"wrote {path}")
    before, after = (np.array([getattr(one, name) for one in found]) for name in ("before", "after"))
    typer.echo(f"{len(records)} sentences, {len(found)} heads: correlation of dot product and distance "
               f"{np.nanmean(before):.2f} before, {np.nanmean(after):.2f} after (-1 is best); nearer -1 in "
               f"{int((after < before).sum())}")
    for one in found:
        typer.echo(f"  layer {one.layer:2} head {one.head:2}: {one.before:6.2f} -> {one.after:6.2f}, scale {one.scale:.3g}")


def _between(record: AttentionRecord, way: Optional[str]) -> AttentionRecord:
    from ..record.pairs import look_between, share_mass

    return record if way is None else share_mass(record) if way == "shares" else look_between(record, way)


def _require_model(name: str) -> None:
    """Raise OptionError early for a missing folder, because loading takes seconds to fail."""
    if Path(name).is_dir() or re.fullmatch(r"[A-Za-z0-9_][\w.-]*(/[\w.-]+)?", name, re.ASCII):
        return  # a public model's name, or a folder that is checked when it is loaded
    raise OptionError(f"no model at {name}: expected a folder with config.json, weights and tokenizer files, or the name "
                      "of a public model, such as klue/bert-base.")


def _vector_records(model: str, texts: list[str], bar: Any) -> list[Any]:
    from ..models.checkpoint import is_checkpoint

    if is_checkpoint(Path(model)):
        from ..classifier.predictor import load
        from ..classifier.vectors import with_vectors

        return with_vectors(load(model, engine="numpy"), texts)
    from ..capture.pretrained import pretrained_records

    records, _ = pretrained_records(model, texts, vectors=True, max_length=128, progress=bar)
    kinds = {r.kind for r in records}
    return [r for r in records if r.kind == ("encoder" if "encoder" in kinds else "decoder")]


def _map(records: list[Any], found: list[Any], path: Path, method: str, colour: str, seed: int, lang: str) -> None:
    if path.suffix.lower() == ".html":
        from ..views.projection_page import projection_page

        _write(path, projection_page(records, joint=found, method=method, seed=seed, lang=lang, progress=Bar("maps")))
        return
    os.environ.setdefault("MPLBACKEND", "agg")
    import matplotlib.pyplot as plt

    from ..views.fonts import save_figure
    from ..views.projection import before_and_after

    axes = before_and_after(records, joint=found[0], method=method, colour=colour, seed=seed)
    save_figure(axes[0], path)
    plt.close(axes[0].figure)


def _words_only(record: AttentionRecord) -> AttentionRecord:
    queries, keys = ([i for i, t in enumerate(side) if t.end > t.start] for side in (record.queries, record.keys))
    return record.select(queries, keys)


def _shown(found: Iterable[Any], bar: Any, total: int) -> Iterator[Any]:
    for done, one in enumerate(found, 1):
        bar(done, total)
        yield one


def _merged(record: Any, unit: str) -> AttentionRecord:
    if unit == "token":
        result: AttentionRecord = record
        return result
    if unit == "eojeol":
        result = record.merge()
        return result
    from ..text import tokenizer
    from ..text.merge import merge_into

    return merge_into(record, tokenizer(unit))


def _endings(paths: list[Path], *known: str) -> None:
    """Check file names before the work."""
    for path in paths:
        if path.suffix.lower() not in known:
            raise OptionError(
                f"cannot write {path.name}: expected a name that ends in {', '.join(known[:-1])} or {known[-1]}.")


def _one_file(records: list[Any], path: Path) -> None:
    if len(records) != 1:
        kinds = ", ".join(dict.fromkeys(r.kind for r in records))
        raise OptionError(f"{path.name} can store one record, but there are {len(records)} ({kinds}): give one --text and "
                          "--kind, or a name that ends in .html.")
    if path.suffix.lower() == ".npz":
        records[0].save(path)
        return
    os.environ.setdefault("MPLBACKEND", "agg")
    import matplotlib.pyplot as plt

    from ..views.fonts import save_figure
    from ..views.grid import grid

    ax = grid(records[0])
    save_figure(ax, path)
    figure: Any = ax.figure
    plt.close(figure)


def _texts(source: str) -> list[str]:
    from .. import early
    from ..data.reviews import read_reviews
    from ..data.sources import DATASETS, locate

    if source in DATASETS:
        files = locate(source)
        return list(read_reviews(files.train if source == "sample" else files.test or files.train).texts)
    return early.read_sentences(Path(source))


def _write(path: Path, text: str) -> None:
    from ..files import replace_file

    replace_file(path, text, DataError)
