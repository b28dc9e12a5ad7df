from __future__ import annotations

import builtins
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from gluonattn.errors import OptionError, RecordError
from gluonattn.record import AttentionRecord, Prediction, Token
from gluonattn.text import tokenizer
from gluonattn.views.terminal import levels, plain, to_terminal

SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"
ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")


def record_of(text, name="mecab", seed=0, **parts):
    tokens = tokenizer(name)(text)
    weights = np.random.default_rng(seed).dirichlet(np.full(len(tokens), 0.3), (1, 1, len(tokens)))
    return AttentionRecord(text, tokens, tokens, weights, **parts)


def bare(output):
    return ESCAPE.sub("", output)


@pytest.fixture
def record():
    return record_of(SENTENCE, prediction=Prediction("부정", {"부정": 0.974, "긍정": 0.026}))


def test_the_sentence_the_prediction_and_the_pairs_are_there(record):
    output = bare(to_terminal(record, colours="full"))
    lines = output.splitlines()
    assert lines[0] == SENTENCE
    assert lines[1] == "→ 부정   (부정 97.4%  긍정 2.6%)"
    assert len(lines) == 2 + 5


def test_the_pairs_are_the_strongest_of_the_matrix(record):
    weights = record.matrix().astype(float).copy()
    np.fill_diagonal(weights, -1)
    shown = re.findall(
        r"^ +(\S+) → (\S+) +([\d.]+) (━+)$", to_terminal(record, colours="none", pairs=4), re.M
    )
    assert len(shown) == 4
    for (query, key, weight, _), place in zip(shown, np.argsort(-weights, axis=None)):
        q, k = np.unravel_index(place, weights.shape)
        assert (query, key) == (record.queries[q].text, record.keys[k].text)
        assert weight == f"{weights[q, k]:.3f}"
    bars = [len(bar) for *_, bar in shown]
    assert bars[0] == 20 and bars == sorted(bars, reverse=True)


def test_levels_are_shares_of_attention_by_word(record):
    found = levels(record)
    assert " ".join(word for word, _, _ in found) == SENTENCE
    shares = np.array([share for _, share, _ in found])
    assert shares.sum() == pytest.approx(1, abs=1e-4)
    assert shares == pytest.approx(record.merge().matrix().mean(0))
    for _, share, level in found:
        assert level - 1 - 1e-4 < 4 * share / shares.max() <= level + 1e-4


def test_the_most_attended_word_is_the_darkest_in_every_mode():
    text = "정말 좋은 영화"
    tokens = tokenizer("whitespace")(text)
    record = AttentionRecord(text, tokens, tokens, np.tile([0.02, 0.2, 0.78], (1, 1, 3, 1)))
    assert levels(record) == [
        ("정말", pytest.approx(0.02), 1),
        ("좋은", pytest.approx(0.2), 2),
        ("영화", pytest.approx(0.78), 4),
    ]
    assert to_terminal(record, colours="none").splitlines()[0] == "정말▁ 좋은▃ 영화█"
    sixteen = to_terminal(record, colours="16").splitlines()[0]
    assert sixteen == "\x1b[4m정말\x1b[0m \x1b[30;46m좋은\x1b[0m \x1b[1;37;41m영화\x1b[0m"
    full = to_terminal(record, colours="full").splitlines()[0]
    grounds = [tuple(map(int, g)) for g in re.findall(r"48;2;(\d+);(\d+);(\d+)m", full)]
    grey = [0.299 * r + 0.587 * g + 0.114 * b for r, g, b in grounds]
    assert len(grey) == 3 and grey == sorted(grey, reverse=True)


def test_each_mode_uses_only_its_own_escape_codes(record):
    assert "\x1b" not in to_terminal(record, colours="none")
    codes = {int(c) for s in ESCAPE.findall(to_terminal(record, colours="16")) for c in s.split(";")}
    assert codes and codes <= {0, 1, 4, *range(30, 38), *range(40, 48), *range(90, 98), *range(100, 108)}
    assert "38;2;" in to_terminal(record, colours="full")
    assert bare(to_terminal(record, colours="16")) == bare(to_terminal(record, colours="full"))


def test_an_unknown_mode(record):
    with pytest.raises(OptionError, match="unknown colour mode '256': expected one of 'full', '16', 'none'"):
        to_terminal(record, colours="256")


def test_an_unknown_head(record):
    with pytest.raises(RecordError, match="head 1 does not exist"):
        to_terminal(record, head=1)


def test_a_head_of_its_own():
    text = "정말 좋은"
    tokens = tokenizer("whitespace")(text)
    heads = np.array([[[1, 0], [1, 0]], [[0, 1], [0, 1]]], dtype=float)[None]
    record = AttentionRecord(text, tokens, tokens, heads)
    first = [to_terminal(record, head=h, colours="none").splitlines()[0] for h in (0, 1, None)]
    assert first == ["정말█ 좋은", "정말 좋은█", "정말█ 좋은█"]


@pytest.mark.parametrize(
    "variable, value",
    [
        ("NO_COLOR", "1"),
        ("TERM", "dumb"),
        ("FORCE_COLOR", "1"),
        ("COLUMNS", "20"),
        ("TTY_COMPATIBLE", "0"),
    ],
)
@pytest.mark.parametrize("colours", ["full", "16", "none"])
def test_the_callers_choice_counts_not_the_environment(record, monkeypatch, variable, value, colours):
    expected = to_terminal(record, colours=colours, width=60)
    monkeypatch.setenv(variable, value)
    assert to_terminal(record, colours=colours, width=60) == expected


def test_a_notebook_gets_the_text_too(record, monkeypatch):
    """rich shows output itself where it sees Jupyter's shell, and would give back nothing."""

    class ZMQInteractiveShell:
        pass

    expected = to_terminal(record)
    monkeypatch.setattr(builtins, "get_ipython", ZMQInteractiveShell, raising=False)
    assert to_terminal(record) == expected


@pytest.mark.parametrize(
    "hostile, harmless",
    [
        ("\x1b[2J\x1b]0;title\x07", "·[2J·]0;title·"),
        ("\x9b31m", "·31m"),
        ("가\r나\b\x7f", "가·나··"),
        ("\u202e반대\u2066", "·반대·"),
        ("\ud800", "·"),
        ("\x00", "·"),
        ("a\u2028b\u2029", "a·b·"),
        ("👨\u200d👩", "👨\u200d👩"),
        ("[red]굵게[/red] :fire:", "[red]굵게[/red] :fire:"),
    ],
)
def test_what_could_steer_a_terminal_is_shown_as_a_dot(hostile, harmless):
    assert plain(hostile) == harmless


@settings(max_examples=60, deadline=None)
@given(
    st.text(
        st.characters(exclude_categories=()) | st.sampled_from("\x1b\x9b\r\b\u202e[]m;🔥가 "),
        min_size=1,
        max_size=25,
    ),
    st.sampled_from(["full", "16", "none"]),
)
def test_no_escape_sequence_of_the_text_reaches_the_terminal(text, colours):
    tokens = [Token(text, 0, len(text)), Token(text[::-1], 0, 0)]
    label = text + "!"
    record = AttentionRecord(
        text, tokens, tokens, np.full((1, 1, 2, 2), 0.5), prediction=Prediction(label, {label: 1.0})
    )
    output = to_terminal(record, colours=colours)
    output.encode("utf-8")  # can be printed
    left = output if colours == "none" else bare(output)
    assert not set(left) & {
        *map(chr, range(10)),
        *map(chr, range(11, 32)),
        *map(chr, range(127, 160)),
        *"\u202e\u2066",
    }
    if colours == "16":  # ours alone are left
        assert set(ESCAPE.findall(output)) <= {"0", "4", "30;46", "30;43", "1;37;41"}


@pytest.mark.parametrize("text", ["[bold red]굵게[/bold red] 정말", ":fire: https://a.b 12 'x' [/]"])
def test_markup_and_emoji_names_in_the_text_stay_as_typed(text):
    record = record_of(text, "whitespace", prediction=Prediction("[b]x", {"[b]x": 1.0}))
    output = to_terminal(record, colours="16")
    assert bare(output).splitlines()[:2] == [text, "→ [b]x   ([b]x 100.0%)"]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
@pytest.mark.parametrize("colours", ["full", "16", "none"])
def test_lines_wrap_at_the_width_though_hangul_is_wide(width, colours):
    text = " ".join([SENTENCE] * 4) + " " + "ㅋ" * 150 + " 🔥🔥"
    record = record_of(text, "whitespace", prediction=Prediction("부정", {"부정": 0.974, "긍정": 0.026}))
    output = bare(to_terminal(record, colours=colours, width=width))
    assert all(cell_len(line) <= width for line in output.splitlines())
    marks = re.compile("[▁▃▅█\\s]")
    assert marks.sub("", output).startswith(marks.sub("", text))  # and nothing is lost


@pytest.mark.parametrize("width", [40, 60, 80])
def test_each_pair_keeps_to_one_line(width):
    record = record_of("가나다라마바사아자차카타파하 abcdefghijklmnopqrstuvwxyz " + "ㅋ" * 200, "whitespace")
    pairs = [line for line in to_terminal(record, colours="none", width=width).splitlines() if " → " in line]
    assert len(pairs) == 5
    assert all(line.endswith("━") for line in pairs)
    assert len({cell_len(line[: line.index("→")]) for line in pairs}) == 1  # arrows stand in a column
    assert any("…" in line for line in pairs)  # a shortened token says so


def test_lone_letters_of_the_jamo_tokenizer_take_their_place():
    lines = to_terminal(record_of("값진", "jamo"), colours="none").splitlines()
    names = {name for line in lines for name in re.findall(r"(\S) → (\S)", line) for name in name}
    assert names and names <= set("ㄱㅏㅄㅈㅣㄴ")


def test_a_word_that_looks_at_itself_is_no_pair_but_the_same_place_of_another_text_is():
    text = "정말 좋다"
    tokens = tokenizer("whitespace")(text)
    itself = AttentionRecord(text, tokens, tokens, np.eye(2)[None, None])
    assert "→" not in to_terminal(itself, colours="none")
    other = AttentionRecord(
        text,
        [Token("very", 0, 4), Token("good", 5, 9)],
        tokens,
        np.eye(2)[None, None],
        kind="cross",
        target_text="very good",
    )
    lines = to_terminal(other, colours="none").splitlines()
    assert lines[-2:] == [f"  very → 정말 1.000 {'━' * 20}", f"  good → 좋다 1.000 {'━' * 20}"]


@pytest.mark.parametrize(
    "source, note",
    [
        ({"tokens": {"in_text": 900, "seen": 512}}, "… (the model read 512 of 900 tokens)"),
        ({"tokens": {"in_text": 3, "seen": 3}}, ""),
        ({"tokens": 3}, ""),
        ({}, ""),
    ],
)
def test_what_the_model_did_not_see_is_said(source, note):
    line = to_terminal(record_of("정말 좋다", source=source), colours="none", pairs=0).splitlines()[0]
    assert line.partition(" … ")[0].count("█") >= 1
    assert line.endswith(note) and ("the model read" in line) == bool(note)


def test_no_pairs_no_prediction_one_token():
    record = record_of("가", "whitespace")
    assert to_terminal(record, colours="none", pairs=0).strip() == "가█"
    assert to_terminal(record, colours="none").strip() == "가█"


def test_a_real_models_record(tiny_model):
    from gluonattn import load

    output = bare(to_terminal(load(tiny_model, "cpu").explain(SENTENCE)))
    assert output.splitlines()[0] == SENTENCE
    assert output.count(" → ") == 5
