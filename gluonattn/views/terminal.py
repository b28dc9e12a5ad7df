"""The sentence in a terminal, each word shaded by the attention it receives."""

from __future__ import annotations

import unicodedata
from io import StringIO
from typing import Any, Literal

import numpy as np

from ..errors import choose
from ..metrics import received, strongest_pairs, tie_close
from ..record import AttentionRecord
from .answer_en import ENGLISH
from .fonts import standing_letter

COLOURS: dict[str, Literal["truecolor", "standard"] | None] = {
    "full": "truecolor", "16": "standard", "none": None}
# Dark text on increasingly strong amber. Lightness falls steadily, so it can be read in grey print.
_AMBER = ["", "#1a1a1a on #fff2cc", "#1a1a1a on #ffd97a", "#1a1a1a on #ffb000", "#ffffff on #b05a00"]
_SIXTEEN = ["", "underline", "black on cyan", "black on yellow", "bold white on red"]
_MARKS = ["", "▁", "▃", "▅", "█"]


def to_terminal(
    record: AttentionRecord, *, colours: str = "full", width: int = 80, pairs: int = 5,
    layer: int | None = None, head: int | None = None,
) -> str:
    """Show a record in a few lines for a terminal.

    Parameters
    ----------
    record : AttentionRecord
    colours : {"full", "16", "none"}, default "full"
        "none" marks words with ▁▃▅█ instead.
    width : int, default 80
        Number of columns to wrap at.
    pairs : int, default 5
        Number of strongest token pairs to list.
    layer, head : int or None
        None takes the mean.

    Returns
    -------
    str
        The lines. Control characters of the text are shown as ``·``, so that a
        text cannot steer the terminal.
    """
    from rich.console import Console

    system = choose("colour mode", colours, COLOURS)
    out = StringIO()
    console = Console(file=out, width=width, color_system=system, force_terminal=system is not None,
                      highlight=False, markup=False, emoji=False, legacy_windows=False,
                      no_color=False, force_jupyter=False)  # the caller chooses, not the environment
    _sentence(console, record, layer, head, marks=system is None,
              styles=_AMBER if colours == "full" else _SIXTEEN)
    console.print(_verdict(record))
    _pairs(console, record, layer, head, pairs)
    for method, scores in record.attributions.items():
        _scores(console, record, method, scores, pairs)
        if method == (record.source.get("explanation") or {}).get("method", method):  # of which it was measured
            console.print(honesty(record))
    if lines := account(record, pairs):
        console.print(lines)
    return out.getvalue()


def honesty(record: AttentionRecord) -> str:
    """Describe in one line how removing the top tokens changes the probability, compared with random tokens.

    Empty if the record has no such figures. See ``source["explanation"]`` as `gluonattn.classifier.explanation` writes it.
    """
    about, label = record.source.get("explanation"), explained_label(record)
    if not about or label is None:
        return ""
    found, name = about["honesty"], plain(record.label_name(label))
    count, draws = found["tokens"], found.get("draws", 100)
    these, others = ("the top word", "a random one") if count == 1 else (f"the top {count} words", f"{count} random ones")
    line = (f"  without {these} {name} goes from {found['before']:.1%} to {found['after']:.1%}, without {others} to "
            f"{found['random']:.1%} on average. {ENGLISH.draws(round(found['further'] * draws), draws)}")
    if found["further"] < 0.5:
        line += " These words are not a reliable reason."
    if near := about.get("approximated"):
        line += (f"\n  approximated: after {near['steps']} steps of integration the sum differs by {near['missing']:.3g} "
                 f"from {near['of']:.3g} in log-odds")
    known = about.get("validation", {})
    if len(known) == 2:
        (own, *_), (floor, *_) = known[about["method"]], known["random"]
        line += f"\n  on validation the words lower the probability by {own:.3f}, random words by {floor:.3f}"
    return line


def account(record: AttentionRecord, count: int = 5) -> str:
    """Print the parts of a decision: those of the `count` strongest tokens, and the sum of the others.

    The parts are the contribution of each token, and what was read through attention (see `gluonattn.classifier.account`).
    Empty if the record has no account of its tokens.

    Parameters
    ----------
    record : AttentionRecord
    count : int, default 5
        Number of tokens listed separately.
    """
    found = (record.source.get("explanation") or {}).get("account")
    label = explained_label(record)
    if not found or label is None or len(found["words"]) != len(record.keys):
        return ""
    parts = {"word": found["words"], "n-grams": [sum(row) for row in found["evidence"]], "beside attention": found["beside"],
             "read": found["read_at"]}
    shown = {name: values for name, values in parts.items() if name in ("word", "read") or any(values)}
    lines = [f"account of {plain(record.label_name(label))} against the rest, in log-odds: {found['difference']:+.5f}",
             "  " + " ".join(f"{name:>16}" for name in shown)]
    entered = [name for name in shown if name != "read"]
    order = np.argsort(-np.abs(np.sum([shown[name] for name in entered], axis=0)), kind="stable")
    rows = [(_short(record.keys[i].text, 16), [i]) for i in order[:count]]
    if len(order) > count:
        rows.append((f"({len(order) - count} others)", list(order[count:])))
    lines += ["  " + " ".join(f"{sum(values[i] for i in which):>+16.5f}" for values in shown.values()) + f"  {name}"
              for name, which in rows]
    lines.append(f"  nothing entered {found['nothing']:+.5f}, and {' and '.join(entered)} sum to {found['difference']:+.5f}")
    others = "".join(f", {name} {value:+.5f}" for name, value in
                     (("padding", found["padding"]), ("beside attention", sum(found["beside"]))) if value)
    lines.append(f"  bias {found['bias']:+.5f}{others}, and what was read sum to {found['difference']:+.5f}")
    return "\n".join(lines)


def explained_label(record: AttentionRecord) -> str | None:
    """The label that attributions are for: the requested one, else the predicted one."""
    if not record.prediction or record.prediction.label is None:
        return None
    result: str | None = (record.source.get("explanation") or {}).get("label", record.prediction.label)
    return result


def levels(record: AttentionRecord, layer: int | None = None,
           head: int | None = None) -> list[tuple[str, float, int]]:
    """Words of the key text with the attention each receives.

    Parameters
    ----------
    record : AttentionRecord
    layer, head : int or None
        None takes the mean.

    Returns
    -------
    list of (word, share of all attention, level 0 to 4)
        Level 4 is the word with most attention. The other levels are relative to it.
    """
    words = record.merge("eojeol")
    shares = received(words.matrix(layer, head))
    top = float(shares.max()) or 1.0
    steps = np.ceil(4 * shares / top - 1e-6).astype(int).clip(0, 4)
    return [(t.text, float(s), int(k)) for t, s, k in zip(words.keys, shares, steps)]


def plain(text: str) -> str:
    """The text with control and direction-changing characters made visible."""
    return "".join(
        "·" if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in _BIDI else c for c in text
    )


_BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _sentence(console: Any, record: AttentionRecord, layer: int | None, head: int | None, *, marks: Any,
              styles: Any) -> None:
    from rich.text import Text

    line = Text()
    for word, _, level in levels(record, layer, head):
        if line:
            line.append(" ")
        line.append(plain(word) + (_MARKS[level] if marks else ""), "" if marks else styles[level])
    counts = record.source.get("tokens")
    if isinstance(counts, dict) and counts.get("seen", 0) < counts.get("in_text", 0):
        line.append(f" … (the model read {counts['seen']} of {counts['in_text']} tokens)")
    console.print(line)


def _verdict(record: AttentionRecord) -> str:
    if not record.prediction or record.prediction.label is None:
        return ""
    shares = "  ".join(f"{plain(record.label_name(k))} {p:.1%}"
                       for k, p in record.prediction.probabilities.items())
    truth = record.source.get("true_label")
    known = "" if truth is None else f"   {'right' if str(truth) == record.prediction.label else 'wrong'}: true label " \
                                     f"{plain(record.label_name(str(truth)))}"
    return f"→ {plain(record.label_name(record.prediction.label))}   ({shares}){known}"


def _pairs(console: Any, record: AttentionRecord, layer: int | None, head: int | None, count: int) -> None:
    from rich.cells import cell_len

    # If the sides differ, the diagonal has different tokens, so it counts.
    found = strongest_pairs(record.matrix(layer, head), count, diagonal=record.queries != record.keys)
    found = [(q, k, weight) for q, k, weight in found if weight > 0]
    room = max(3, min(16, (console.width - 13) // 2))  # 12 columns are used, and the bar needs one
    names = [(_short(record.queries[q].text, room), _short(record.keys[k].text, room)) for q, k, _ in found]
    left = max((cell_len(q) for q, _ in names), default=0)
    right = max((cell_len(k) for _, k in names), default=0)
    longest = min(20, max(1, console.width - left - right - 12))
    for (query, key), (_, _, weight) in zip(names, found):
        bar = "━" * max(1, round(longest * weight / found[0][2]))
        console.print(
            f"  {' ' * (left - cell_len(query))}{query} → {key}{' ' * (right - cell_len(key))} "
            f"{weight:.3f} {bar}"
        )


def _scores(console: Any, record: AttentionRecord, method: str, scores: Any, count: int) -> None:
    """Print the tokens with the largest scores of a method."""
    from rich.cells import cell_len

    order = [i for i in np.argsort(-tie_close(np.abs(scores)), kind="stable")[:count] if scores[i]]
    target = explained_label(record)
    console.print(f"{plain(method)}: + speaks for {plain(record.label_name(target)) if target else 'the prediction'}, "
                  "- against")
    names = [_short(record.keys[i].text, 16) for i in order]
    left = max((cell_len(name) for name in names), default=0)
    for i, name in zip(order, names):
        bar = "━" * max(1, round(20 * abs(scores[i]) / abs(scores[order[0]])))
        console.print(f"  {' ' * (left - cell_len(name))}{name} {scores[i]:+.3f} {bar}")


def _short(token: str, columns: int) -> str:
    """Shorten a token to a number of columns."""
    from rich.cells import cell_len, set_cell_size

    name = plain(token)
    if len(name) == 1:  # a lone conjoining vowel has no width: ᅡ becomes ㅏ
        name = standing_letter(name)
    return name if cell_len(name) <= columns else set_cell_size(name, columns - 1).rstrip() + "…"
