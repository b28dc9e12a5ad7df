"""Serve a model as a page and an API, or publish it as a page without a server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Optional

import typer

from ..console import print_json
from ..errors import DependencyError
from ..options import AsJson, Engine
from .registry import command


@command("Predict and explain", "serve", "serve --model runs/mlp --port 9000", "serve --model runs/mlp --model runs/dot",
    "serve --host 0.0.0.0 --token CHANGE-THIS-TO-A-SECRET")
def serve(
    model: list[Path] = typer.Option([], "--model", "-m", help="A checkpoint folder that train wrote. Default: the "
                                     "bundled model. Can be given several times."),
    port: int = typer.Option(8000, min=0, max=65535, help="Port to listen at. 0 chooses a free one."),
    host: str = typer.Option("127.0.0.1", help="Address to listen at. If other machines can reach it, --token is required."),
    token: Optional[str] = typer.Option(None, envvar="GLUONATTN_TOKEN", help="A secret that clients must send as "
                                        "Authorization: Bearer. The page asks for it."),
    no_token: bool = typer.Option(False, "--no-token", help="Answer everyone who can reach --host."),
    allow_host: list[str] = typer.Option([], help="A host name that clients use for this server behind a proxy. Can be "
                                         "given several times."),
    workers: int = typer.Option(1, min=1, max=64, help="Number of processes. Each has its own copy of the models."),
    engine: str = Engine,
    access_log: bool = typer.Option(True, help="Write a line of JSON for each request to standard error."),
    log_texts: bool = typer.Option(False, "--log-texts", help="Include the texts in the access log."),
) -> None:
    """Serve a page to type sentences into, a JSON API and the Open Inference Protocol."""
    try:
        from ..serving.server import Options
        from ..serving.server import serve as run
    except ModuleNotFoundError as missing:
        raise DependencyError(f'serve needs {missing.name}: run pip install "gluonattn[serve]".') from None

    options = Options(model, host, port, token, no_token, allow_host, engine, log=_log if access_log else None,
                      log_texts=log_texts)
    if workers == 1:
        run(options, _say)
        return
    from ..serving.workers import serve_with_workers

    serve_with_workers(options, workers, _say)


def _say(line: str) -> None:
    print(f"serving {line} (Ctrl-C stops it)", flush=True)


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@command("Predict and explain", "publish --model runs/web --out site")
def publish(
    model: Path = typer.Option(..., "--model", "-m", help="A checkpoint folder that train wrote with --tokenizer syllable, "
                               "whitespace or jamo."),
    out: Path = typer.Option(..., help="Folder to create. Any web host can serve it."),
    as_json: bool = AsJson,
) -> None:
    """Write a folder with the page of `serve`, in which the model runs in the browser without a server."""
    from .. import early

    early.require_writable_folder(out)
    from ..serving.publishing import publish as write

    sizes = write(model, out)
    if as_json:
        print_json({"out": str(out), "files": sizes, "bytes": sum(sizes.values())})
        return
    for name, size in sizes.items():
        typer.echo(f"{size / 1e6:8.2f} MB  {name}")
    typer.echo(f"wrote {out}: {sum(sizes.values()) / 1e6:.1f} MB. Put it on any web host, or try it: python -m http.server "
               f"--directory {out}")
