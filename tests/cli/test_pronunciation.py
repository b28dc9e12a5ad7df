"""`gluonattn pronounce`: what it prints, and what it says when it cannot."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import gluonattn
from gluonattn.cli.app import main


def call(capsys, *arguments) -> tuple[int, str, str]:
    code = 0
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_several_texts_one_a_line(capsys):
    code, out, _ = call(capsys, "pronounce", "알 수 없는", "맛있다")
    assert code == 0 and out.splitlines() == ["알 수 없는  [알 쑤 엄는]", "맛있다  [마딛따]  also [마싣따]"]


def test_linked_and_why(capsys):
    _, out, _ = call(capsys, "pronounce", "옷 한 벌", "--linked", "--why")
    assert out.startswith("옷 한 벌  [오 탄 벌]\n") and "article 12.1, 거센소리되기" in out


def test_json_has_the_rules_and_causes(capsys):
    _, out, _ = call(capsys, "pronounce", "16", "--json")
    said = json.loads(out)
    assert (said["text"], said["read"], said["sounds"]) == ("16", "십육", "심뉵")
    assert {change["rule"] for change in said["changes"]} == {"n_insertion", "nasalisation"}
    _, out, _ = call(capsys, "pronounce", "국물", "신라", "--json")
    assert [said["sounds"] for said in json.loads(out)] == ["궁물", "실라"]


@pytest.mark.parametrize("name, text", [("a.txt", "덧없다\n\n국물\n"), ("a.csv", "text\n덧없다\n국물\n"),
                                        ("a.jsonl", '{"text": "덧없다"}\n{"text": "국물"}\n')])
def test_texts_of_a_file(capsys, tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    _, out, _ = call(capsys, "pronounce", "--from", path)
    assert out.splitlines() == ["덧없다  [더덥따]", "국물  [궁물]"]


@pytest.mark.parametrize("arguments, expected", [
    ([], "give a text to pronounce"), (["--from", "nowhere.txt"], "cannot read nowhere.txt"),
    (["--from", "nowhere.csv"], "cannot read nowhere.csv"),
])
def test_what_is_missing_is_said(capsys, arguments, expected):
    code, _, err = call(capsys, "pronounce", *arguments)
    assert code == 2 and expected in err and "Traceback" not in err


def test_it_is_public_and_mecab_is_loaded_only_when_needed():
    assert gluonattn.pronounce("국물").sounds == "궁물"
    code = ("import sys, gluonattn; gluonattn.pronounce('국물', lexical=False); "
            "assert not {'MeCab', 'konlpy', 'mxnet', 'torch'} & set(sys.modules), sys.modules.keys()")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)
