"""The figures of a study of pronunciation, for sentences, pictures and pages. Values with an interval are `Figure`s."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics import tie_close
from ..statistics import figure, intervals, rank_agreement, rate
from . import head_reading
from .intervention import ROLES, Effects, after_labial, roles_of
from .study import KINDS, LEVEL, OBSTRUENT, PLAIN, SINO, Study

COMPARED = ("chance", "untrained", "positional", "still")
MIN_WORDS = 10  # minimum number of words for a rule to appear in the tables


def summarise(study: Study) -> dict[str, Any]:
    """Figures of a study.

    Returns
    -------
    dict
        "about"; "epochs": list of int; "words": int; "kinds": the baselines of each kind's heads; "heads": a
        list of dicts; "rules": for each rule, in encoder and cross, each head's rate and the baselines; "edits": for each
        rule, the effect of replacing the cause and other letters; "questions": the two rules examined closely.
    """
    epochs = sorted(study.counts["cross"])
    heads, kinds = [], {}
    rules: dict[str, Any] = {}
    for kind in KINDS:
        counted = study.counts[kind]
        agreed = {epoch: head_reading.agreement(counted[epoch], study.drawn, counted[epochs[0]]) for epoch in epochs}
        shapes = {epoch: head_reading.shape_of(counted[epoch], study.drawn) for epoch in epochs}
        last = agreed[epochs[-1]]
        kinds[kind] = {name: last[name] for name in ("sites", "words", "chance", "positional", "positional_step")}
        fell = _entropy_drop(study, kind, epochs)
        drifts = {pair: _means(table, study.drawn) for pair, table in study.drift[kind].items()}
        heads += [_head(kind, at, epochs, agreed, shapes, fell, drifts) for at in np.ndindex(last["cause"].shape)]
        for rule, found in last["rules"].items():
            if found["words"] >= MIN_WORDS:
                rules.setdefault(rule, {})[kind] = found
    return {
        "about": study.about, "epochs": epochs, "words": len(study.said), "kinds": kinds, "heads": heads,
        "rules": dict(sorted(rules.items(), key=lambda pair: -pair[1]["cross"]["sites"])),
        "edits": {rule: edits(found) for rule, found in study.effects.items() if len(found) >= MIN_WORDS and rule != PLAIN},
        "questions": {rule: question(study, rule, chosen) for rule, chosen in (
            (OBSTRUENT, study.chosen.get(OBSTRUENT)), (SINO, study.chosen.get(SINO)), (PLAIN, study.chosen.get(SINO)))
            if chosen and study.effects[rule]},
    }


def _head(kind: str, at: tuple[int, ...], epochs: Sequence[int], agreed: dict[int, dict[str, Any]],
          shapes: dict[int, dict[str, Any]], fell: Any, drifts: dict[tuple[int, int], Any]) -> dict[str, Any]:
    last, shape = agreed[epochs[-1]], shapes[epochs[-1]]
    head = {
        "kind": kind, "layer": int(at[0]), "head": int(at[1]),
        **{name: shape[name][at] for name in (*head_reading.SHAPE, "step_share")}, "step": int(shape["step"][at]),
        "entropy_by_epoch": {epoch: shapes[epoch]["entropy"][at] for epoch in epochs}, "entropy_fell": fell[at],
        "drift": {f"{a}-{b}": found[at] for (a, b), found in drifts.items()},
        "cause_by_epoch": {epoch: agreed[epoch]["cause"][at] for epoch in epochs},
        **{name: last[name][at] for name in ("cause", "weight", "own", "still", "untrained")},
        "p": {name: float(last["p"][name][at]) for name in COMPARED},
        "beyond": {name: bool(last["above"][name][at] and last["p"][name][at] < LEVEL) for name in COMPARED},
    }
    head["diagonal_head"] = head["diagonal"].low > 0.5
    head["follows"] = all(head["beyond"][name] for name in ("chance", "untrained", "still"))
    head["strong"] = head["follows"] and head["cause"].mean >= 0.5
    head["sharpened"] = head["entropy_fell"].low > 0
    return head


def _entropy_drop(study: Study, kind: str, epochs: Sequence[int]) -> NDArray[Any]:
    """How far entropy fell from the first epoch to the last, by head."""
    first, last = (study.counts[kind][epoch] for epoch in (epochs[0], epochs[-1]))
    drawn = rate(study.drawn, first.shape["entropy"] - last.shape["entropy"], last.rows)
    return intervals(drawn)


def _means(table: NDArray[Any], drawn: NDArray[Any]) -> NDArray[Any]:
    return intervals(rate(drawn, table, np.ones(len(table))))


# ---- effects of edits


def edits(found: Sequence[Effects]) -> dict[str, Any]:
    """Effects on a sound of replacing its cause, and of replacing another letter of the word.

    Returns
    -------
    dict
        "words", and Figures over words: "right" before any edit; of the words that were right "cause_flips",
        "cause_as_ruled", "other_flips", "other_as_ruled" (fractions of edits) and "cause_change", "other_change" (log
        probability lost).
    """
    correct = [one for one in found if one.correct]
    causes = [list(one.site.cause) for one in correct]
    others = [[i for i in range(len(one.change)) if i not in one.site.cause] for one in correct]
    result: dict[str, Any] = {"words": len(found), "right": figure([one.correct for one in found])}
    for name, letters in (("cause", causes), ("other", others)):
        for what in ("flips", "as_ruled", "change"):
            result[f"{name}_{what}"] = figure([_mean(getattr(one, what)[own]) for one, own in zip(correct, letters)]
                                              or [float("nan")])
    return result


def question(study: Study, rule: str, chosen: dict[str, tuple[int, int]]) -> dict[str, Any]:
    """Attention and intervention side by side for one rule, on words whose sound the model gets right.

    Parameters
    ----------
    study : Study
    rule : str
        A key of `RULES`.
    chosen : dict of str to (layer, head)
        Measured heads by name.

    Returns
    -------
    dict
        "words", "right"; "readings": names of heads to their place; "replaced": by what the cause was replaced, how often
        that changed the decision; "roles": per role of a letter its attention by reading,
        an even share, and what replacing it does; "tables": per reading two 2 x 2 tables; "tau": per kind, Kendall's tau of
        attention and effect over the letters of a word; "labial": the vowel before, after a labial and after others;
        "shown": words letter by letter.
    """
    every = list(zip(study.effects[rule], study.looked[rule]))
    kept = [(effect, looked) for effect, looked in every if effect.correct]
    readings: dict[str, tuple[str, tuple[int, int] | None]] = {
        **{f"{kind} chosen": (kind, chosen[kind]) for kind in ("cross", "encoder")},
        "cross mean": ("cross", None)}
    seen = [{name: _reading(looked, *place) for name, place in readings.items()} for _, looked in kept]
    only = [effect for effect, _ in kept]
    return {
        "words": len(every), "kept": len(kept), "right": figure([effect.correct for effect, _ in every] or [np.nan]),
        "readings": {name: list(at) if at else None for name, (_, at) in readings.items()},
        "edits": edits([effect for effect, _ in every]), "replaced": _replacements(only),
        "roles": _roles(only, seen, list(readings)),
        "tables": {name: _tables(only, [one[name] for one in seen]) for name in readings} if kept else {},
        "tau": {kind: _taus(only, [looked[kind] for _, looked in kept]) for kind in ("cross", "encoder")} if kept else {},
        "labial": _labial(only, seen),
        "shown": [_word_figures(effect, one) for effect, one in list(zip(only, seen))[:8]],
        "wrong": [effect.said.text for effect, _ in every if not effect.correct],
    }


def _reading(looked: dict[str, NDArray[Any]], kind: str, at: tuple[int, int] | None) -> NDArray[Any]:
    result: NDArray[Any] = looked[kind].mean((0, 1)) if at is None else looked[kind][at]
    return result


def _roles(found: Sequence[Effects], seen: Sequence[dict[str, NDArray[Any]]], readings: Sequence[str]) -> dict[str, Any]:
    """Attention on a letter of each role, and its effect: mean over the role's letters, then over words."""
    result = {}
    roles = [np.array(roles_of(one.said, one.site)) for one in found]
    for role in (*ROLES, "own"):
        cases = [(one, weights, of == role) for one, weights, of in zip(found, seen, roles) if (of == role).any()]
        if len(cases) < MIN_WORDS:
            continue
        result[role] = {
            "words": len(cases),
            "attention": {name: figure([weights[name][is_role].mean() for _, weights, is_role in cases])
                          for name in readings},
            "even": float(np.mean([1 / len(is_role) for *_, is_role in cases])),
            "change": figure([_mean(one.change[is_role]) for one, _, is_role in cases]),
            "flips": figure([_mean(one.flips[is_role]) for one, _, is_role in cases]),
        }
    return result


def _replacements(found: Sequence[Effects]) -> dict[str, Any]:
    """How often the decision changed, by the letter that replaced the cause ("" for none)."""
    outcomes: dict[str, list[bool]] = {}
    for one in found:
        for edit, flipped in one.each:
            if edit.letter in one.site.cause:
                outcomes.setdefault(edit.jamo, []).append(flipped)
    return {jamo: {"words": len(flips), "flips": figure(flips)} for jamo, flips in sorted(outcomes.items())
            if len(flips) >= MIN_WORDS}


def _tables(found: Sequence[Effects], attention: Sequence[NDArray[Any]]) -> dict[str, Any]:
    """Counts [[looked and flips, looked and stays], [not looked and flips, not looked and stays]].

    "words": is the cause the strongest of all letters, does replacing it change the decision (in half of the edits or more)?
    "letters": the same of every letter but the sound's own; looked is the strongest of these. With the rates of both rows,
    and their "difference" word by word.
    """
    words, letters = np.zeros((2, 2), int), np.zeros((2, 2), int)
    rates: tuple[list[float], list[float]] = ([], [])
    for one, weights in zip(found, attention):
        cause = list(one.site.cause)
        if not np.isnan(one.flips[cause]).all():
            looked = int(np.argmax(tie_close(weights, 0))) in cause
            words[int(not looked), int(not np.nanmax(one.flips[cause]) >= 0.5)] += 1
        asked = np.flatnonzero(~np.isnan(one.flips))
        if not len(asked):
            continue
        strongest = asked[np.argmax(tie_close(weights[asked], 0))]
        for letter in asked:
            letters[int(letter != strongest), int(not one.flips[letter] >= 0.5)] += 1
        rates[0].append(float(one.flips[strongest] >= 0.5))
        rates[1].append(_mean(one.flips[asked[asked != strongest]] >= 0.5))
    return {"words": words.tolist(), "letters": letters.tolist(), "strongest_flips": figure(rates[0] or [np.nan]),
            "others_flip": figure(rates[1] or [np.nan]),
            "difference": figure(np.subtract(*rates) if rates[0] else [np.nan])}


def _taus(found: Sequence[Effects], looked: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Kendall's tau of each head's weights and the effects over the letters of a word, array (layers, heads) of Figure."""
    result = np.empty(looked[0].shape[:2], dtype=object)
    for at in np.ndindex(result.shape):
        values = []
        for one, weights in zip(found, looked):
            asked = ~np.isnan(one.change)
            values.append(rank_agreement(weights[at][asked], one.change[asked]))
        result[at] = figure(values)
    return result


def _labial(found: Sequence[Effects], seen: Sequence[dict[str, NDArray[Any]]]) -> dict[str, Any]:
    """The vowel before the sound, after a labial and after another consonant."""
    result = {}
    for name, wanted in (("labial", True), ("other", False)):
        cases = [(one, weights, roles_of(one.said, one.site).index("previous vowel")) for one, weights in zip(found, seen)
                 if after_labial(one.said, one.site) == wanted and "previous vowel" in roles_of(one.said, one.site)]
        if cases:
            result[name] = {
                "words": len(cases),
                "attention": {reading: figure([weights[reading][i] for _, weights, i in cases]) for reading in cases[0][1]},
                "flips": figure([one.flips[i] for one, _, i in cases]),
                "change": figure([one.change[i] for one, _, i in cases]),
            }
    return result


def _word_figures(one: Effects, weights: dict[str, NDArray[Any]]) -> dict[str, Any]:
    sound = one.said.jamo[one.site.sound]
    return {
        "spelling": one.said.text, "sounds": one.said.sounds, "syllable": sound.syllable, "sound": sound.jamo,
        "letters": [letter.jamo for letter in one.said.letters], "cause": list(one.site.cause), "own": list(one.site.own),
        "attention": {name: values.tolist() for name, values in weights.items()}, "flips": one.flips.tolist(),
        "change": one.change.tolist(),
    }


def _mean(values: NDArray[Any]) -> float:
    known = values[~np.isnan(values)] if len(values) else values
    return float(known.mean()) if len(known) else float("nan")


