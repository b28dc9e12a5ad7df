"""The examples of capture, in the READMEs and the tutorial, run as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..test_readme import ROOT, blocks
from ..tolerance import tolerance

PAGES = ["README.md", "README.ko.md", "docs/tutorials/your-own-transformer.md", "docs/ko/your-own-transformer.md"]


def example(framework: str, page: str = "docs/tutorials/your-own-transformer.md") -> str:
    (code,) = [b for b in blocks(Path(ROOT / page), "py") if f"gluonattn.capture.{framework} " in b]
    return code


def run(code: str, **names) -> dict:
    exec(compile(code, "example", "exec"), names)
    return names


@pytest.mark.torch
def test_torch():
    assert [r.kind for r in run(example("torch"))["records"]] == ["encoder", "decoder", "cross"]


@pytest.mark.huggingface
@pytest.mark.parametrize("page", PAGES)
def test_huggingface(build, tmp_path, monkeypatch, page):
    model, tokenizer = build("bert")
    model.save_pretrained(tmp_path / "my-bert")
    tokenizer.save_pretrained(tmp_path / "my-bert")
    monkeypatch.chdir(tmp_path)
    names = run(example("huggingface", page))
    assert names["record"].weights.shape[:2] == (2, 4)
    assert [t.text for t in names["words"].keys][1:-1] == names["text"].split()


def test_gluon():
    from gluonattn.runtime import mxnet_is_installed

    if not mxnet_is_installed():
        pytest.skip('needs MXNet: pip install "gluonattn[cpu]"')
    assert run(example("gluon"))["record"].weights.shape == (2, 4, 4, 4)


@pytest.mark.fairseq
def test_fairseq():
    pytest.importorskip("fairseq", reason="needs fairseq 0.12.2 on Python 3.10: scripts/check_fairseq.sh")
    from .pronunciation import batch, build, dictionary, pairs

    words = pairs(["음악이 좋아서"])
    both = dictionary(w for pair in words for w in pair)
    names = run(example("fairseq"), model=build(both, both).eval(), batch=batch(words, both, both)[0], dictionary=both,
                texts=[w for w, _ in words], target_texts=[w for _, w in words])
    assert len(names["records"]) == 3 * len(words)


@pytest.mark.huggingface
def test_the_commands_capture_and_project(build, tmp_path, capsys):
    import json

    from gluonattn.cli.app import main
    from gluonattn.record import load_record

    model, tokenizer = build("bert")
    folder = tmp_path / "my-bert"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)

    def ran(*arguments) -> str:
        with pytest.raises(SystemExit) as left:
            main(list(map(str, arguments)))
        assert left.value.code == 0
        return capsys.readouterr().out

    files = [tmp_path / name for name in ("heads.html", "heads.png", "heads.npz")]
    outs = [part for file in files for part in ("--out", file)]
    told = json.loads(ran("capture", "--model", folder, "--text", "정말 좋은 영화", "--unit", "mecab", "--json", *outs))
    assert told["largest_error"] < tolerance(48, 2) and told["records"][0]["layers"] == 2
    assert load_record(files[2]).source["merged"] == "mecab" and all(f.stat().st_size > 1000 for f in files)
    for mode in ("rollout", "value-weighted"):
        assert "encoder  2 layers" in ran("capture", "--model", folder, "--text", "좋은 영화", "--mode", mode)
    told = ran("project", folder, "--count", 12, "--tags", "mecab", "--out", tmp_path / "map.html", "--out",
               tmp_path / "map.png")
    assert "12 sentences, 8 heads" in told and (tmp_path / "map.png").stat().st_size > 10_000
    told = ran("project", folder, "--count", 12, "--no-special", "--layer", 0, "--head", 1, "--out", tmp_path / "words.html")
    assert "12 sentences, 1 heads" in told and "[CLS]" not in (tmp_path / "words.html").read_text(encoding="utf-8")
    assert "[CLS]" in (tmp_path / "map.html").read_text(encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        main(["project", "nothing", "--out", "map.gif"])
    assert left.value.code == 2 and ".html, .png, .svg or .pdf" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        main(["capture", "--model", str(tmp_path / "nothing"), "--text", "가"])
    assert left.value.code == 2 and "no model at" in capsys.readouterr().err
