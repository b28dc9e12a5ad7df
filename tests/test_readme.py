"""What the READMEs and the pages under docs/ tell people to type works, and shows the figures that were measured."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .needs import needs_mxnet

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", ROOT / "README.ko.md"]
PAGES = [*READMES, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NSMC = [ROOT / "docs" / "tutorials" / "first-model.md", ROOT / "docs" / "ko" / "first-model.md"]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.S)


def run_blocks(page: Path, monkeypatch, folder: Path) -> dict:
    """Every ```python block of a page, in order; ```py blocks need something of the reader's."""
    import matplotlib

    matplotlib.use("agg")
    monkeypatch.chdir(folder)
    names: dict = {}
    for code in blocks(page, "python"):
        exec(compile(code, name(page), "exec"), names)
    return names


@pytest.mark.parametrize("readme", READMES, ids=name)
def test_the_python_example_runs(readme, tmp_path, monkeypatch):
    names = run_blocks(readme, monkeypatch, tmp_path)
    assert names["record"].weights.shape == (1, 1, len(names["record"].queries), len(names["record"].keys))
    assert names["record"].queries[0][:3] == ("연기", 0, 2)
    assert (tmp_path / "page.html").stat().st_size > 50_000


@needs_mxnet
@pytest.mark.parametrize("page", [ROOT / "docs" / "usage.md", ROOT / "docs" / "ko" / "usage.md"], ids=name)
def test_the_tour_in_python_runs(page, tmp_path, monkeypatch):
    names = run_blocks(page, monkeypatch, tmp_path)
    assert names["record"].weights.shape == (1, 1, len(names["record"].queries), len(names["record"].keys))


@pytest.mark.parametrize("readme", READMES, ids=name)
def test_a_readme_is_a_front_door(readme):
    text = readme.read_text(encoding="utf-8")
    words = [word for word in text.split() if re.search(r"\w", word)]  # not the lines and bars of a table
    assert 600 <= len(words) <= 900, len(words)
    for command in ("make demo", "make test", 'pip install "gluonattn[cpu]"', "gluonattn explain "):
        assert re.search(rf"^{re.escape(command)}", text, re.M), command


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_and_target_named_exists(page):
    text = page.read_text(encoding="utf-8")
    shown = re.sub(r"```.*?```", "", text, flags=re.S)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", shown):
        assert target.startswith(("http", "mailto")) or (page.parent / target).exists(), target
    for script in re.findall(r"(?<![\w/])scripts/\w+\.(?:py|sh)", text):
        assert (ROOT / script).exists(), script
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", text, re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_part_of_a_page_that_is_linked_exists(page):
    for target, part in re.findall(r"\]\(([^)#\s]*\.md|)#([^)\s]+)\)", page.read_text(encoding="utf-8")):
        linked = (page.parent / target).resolve() if target else page
        headings = re.findall(r"^#+ (.*)", linked.read_text(encoding="utf-8"), re.M)
        slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
        assert part in slugs, (target, part)


def commands(page: Path) -> list[str]:
    """Each `gluonattn ...` of a page's shell blocks, without its comment and what follows it in a pipe."""
    lines = "\n".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    found = (re.match(r"\s*(?:\S*/)?gluonattn (?!\.\.\.)(.*)", line) for line in lines)
    return [match[1] for match in found if match]


@pytest.mark.parametrize("page", [page for page in PAGES if "adding" not in page.parts], ids=name)
def test_every_command_and_option_named_exists(page):
    import typer

    from gluonattn.cli.app import app

    for line in commands(page):
        words = shlex.split(line, comments=True)
        level = typer.main.get_command(app)
        if words and words[0].startswith("-"):
            continue
        while hasattr(level, "commands"):
            assert words and words[0] in level.commands, line
            level, words = level.commands[words[0]], words[1:]
        known = {option for parameter in level.params for option in (*parameter.opts, *parameter.secondary_opts)}
        known |= {"--help", "-h", "--debug"}
        for word in words:
            if re.fullmatch(r"-m|--[a-z][\w-]*(=.*)?", word):
                assert word.split("=")[0] in known, (word, line)


def figures_script():
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import figures
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    return figures


def test_the_figures_are_those_of_the_committed_json(monkeypatch, capsys):
    figures = figures_script()
    monkeypatch.setattr(sys, "argv", ["figures.py", "--check"])
    with pytest.raises(SystemExit) as left:
        figures.main()
    assert left.value.code == 0, capsys.readouterr().out
    committed = json.loads((ROOT / "docs" / "figures.json").read_text(encoding="utf-8"))
    for entry in (committed["sentence"], *committed["models"], *committed["tables"].values()):
        assert entry["command"]
    for readme in READMES:  # no figure of a model stands outside what the script writes
        text = re.sub(r"<!-- figures.*?<!-- end -->", "", readme.read_text(encoding="utf-8"), flags=re.S)
        assert not re.findall(r"0\.8\d+|\d\.\d+ %", text)


def test_no_table_of_figures_is_typed_by_hand():
    """On the pages that `scripts/figures.py` writes, every table is between its marks."""
    pages = {path: set(parts) for path, _, parts in figures_script().pages()}
    assert {path.stem for path in pages} >= {"README", "index", "results", "performance", "serving"}
    for path in pages:
        text = re.sub(r"<!-- figures.*?<!-- end -->", "", path.read_text(encoding="utf-8"), flags=re.S)
        heads = set(re.findall(r"^\|(.*?)\|.*\n\| ?---", text, re.M))
        assert heads == ({" address "} if path.stem == "serving" else set()), path  # what the API's addresses do


def nsmc_commands(page: Path) -> list[str]:
    (block,) = [b for b in blocks(page, "sh") if "gluonattn train --data nsmc" in b]
    return block.splitlines()


def test_both_languages_have_the_same_nsmc_commands():
    assert nsmc_commands(NSMC[0]) == nsmc_commands(NSMC[1])


@pytest.mark.slow
@pytest.mark.nsmc
def test_the_nsmc_commands_run(nsmc, tmp_path):
    """Train (one epoch instead of four), evaluate and explain, as the tutorial has them."""
    for line in nsmc_commands(NSMC[0]):
        if not line or line.endswith("data nsmc"):  # the download has its own tests, with a local server
            continue
        words = [sys.executable, "-m", "gluonattn", *shlex.split(line)[1:]]
        words += ["--epochs", "1"] if " train " in line else []
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False,
                              env={**os.environ, "PYTHONPATH": str(ROOT), "GLUONATTN_NSMC": str(nsmc)})
        assert done.returncode == 0, done.stderr
        if " evaluate " in line:
            assert float(re.search(r"accuracy ([\d.]+)", done.stdout)[1]) > 0.845
    assert (tmp_path / "overlay.png").stat().st_size > 10_000 and (tmp_path / "page.html").stat().st_size > 50_000
