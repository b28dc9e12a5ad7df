"""The documentation site: `make docs` builds it into build/site, without network, and a warning is an error."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import latex2mathml.converter
from docutils import nodes

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(DOCS)]

from site_search import KoreanAndEnglish

project = "gluonattn"
author = "The gluonattn authors"
version = release = re.search(r'version="([\d.]+)"', (ROOT / "setup.py").read_text(encoding="utf-8"))[1]
copyright = f"{author}. Apache-2.0"
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "deploy"]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # pages whose READMEs' sections became pages begin at any level
autodoc_typehints = "none"  # numpydoc's Parameters have them in words
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"gluonattn {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = [path] if (path := os.environ.get("GLUONATTN_SITE_PAGES")) else []
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "mathml"  # which browsers draw by themselves: no script, no request to another site
pygments_style, pygments_dark_style = "default", "monokai"


def speak_korean(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """A page under ko/ says that it is Korean, to browsers and screen readers."""
    if pagename.startswith("ko/"):
        context["language"] = "ko"


def link_to_files(app: Any, docname: str, source: list[str]) -> None:
    """What is linked outside docs/ is shown by its name: the site has the pages, the repository its files."""
    here = (DOCS / docname).parent

    def one(found: re.Match) -> str:
        target = (here / found[2].split("#")[0]).resolve()
        outside = target.exists() and DOCS not in target.parents
        return f"{found[1]} (`{target.relative_to(ROOT)}`)" if outside and found[1] != str(target.relative_to(ROOT)) \
            else f"`{found[1]}`" if outside else found[0]

    source[0] = re.sub(r"(?<!!)\[([^\]]+)\]\((?!https?:|#|mailto:)([^)\s]+)\)", one, source[0])


def list_commands(app: Any, docname: str, source: list[str]) -> None:
    """The help of every command, as it is printed."""
    if docname != "reference/commands":
        return
    import typer

    from gluonattn.cli.app import app as commands

    def helps(command: Any, path: str, parent: Any = None) -> Iterator[str]:
        context = command.make_context(path.split()[-1], [], parent=parent, resilient_parsing=True)
        for name, own in sorted(getattr(command, "commands", {}).items()):
            yield from helps(own, f"{path} {name}", context)
        if not hasattr(command, "commands"):
            yield f"## {path.split(' ', 1)[1]}\n\n```text\n{command.get_help(context)}\n```\n"

    source[0] = source[0].replace("<!-- commands -->", "\n".join(helps(typer.main.get_command(commands), "gluonattn")))


def write_formula(display: str) -> Any:
    def visit(self: Any, node: Any) -> None:
        self.body.append(latex2mathml.converter.convert(node.astext(), display=display))
        raise nodes.SkipNode

    return visit


def setup(app: Any) -> None:
    app.add_html_math_renderer("mathml", (write_formula("inline"), None), (write_formula("block"), None))
    app.add_search_language(KoreanAndEnglish)
    app.connect("html-page-context", speak_korean)
    app.connect("source-read", link_to_files)
    app.connect("source-read", list_commands)
