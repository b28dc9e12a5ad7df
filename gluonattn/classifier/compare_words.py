"""A comparison in words: which differences are beyond chance and which are not. Every sentence is made from figures."""

from __future__ import annotations

from typing import Any

from ..models.cells import CELLS
from ..statistics import Figure
from ..views.method_names import method_name
from .compare import BETWEEN_MODELS
from .compare_text import TEXT


def headline(summary: dict[str, Any], lang: str = "en") -> str:
    """One sentence: which cell is right most often, and whether that is more than chance.

    Parameters
    ----------
    summary : dict
    lang : {"ko", "en"}
    """
    text, cells = TEXT[lang], summary["cells"]
    best = max(cells, key=lambda cell: cells[cell]["accuracy"].mean)
    accuracy = f"{100 * cells[best]['accuracy'].mean:.2f}"
    said: str
    if len(cells) < 2:
        said = text["best_alone"].format(best=best, accuracy=accuracy)
        return said
    differ = [pair for pair in summary["pairs"] if pair["beyond_chance"]]
    others = [low for high, low in map(_ordered, differ) if high == best]
    if others:
        said = text["best_beyond"].format(best=best, accuracy=accuracy, others=", ".join(others))
        return said
    if differ:
        pairs = ", ".join(f"{high} > {low}" for high, low in map(_ordered, differ))
        said = text["best_not_beyond"].format(best=best, accuracy=accuracy, pairs=pairs)
        return said
    said = text["best_chance"].format(best=best, accuracy=accuracy)
    return said


def in_words(summary: dict[str, Any], lang: str = "en") -> list[str]:
    """Sentences about a summary of `compare_summary.summarise`, one paragraph each.

    Parameters
    ----------
    summary : dict
    lang : {"en", "ko"}, default "en"
    """
    text = TEXT[lang]
    said = [_counted(summary, text), _accuracy(summary, text), _baselines(summary, text), _weights_agree(summary, text),
            _faithful(summary, text, lang), _ranked(summary, text), _needed(summary, text), _kinds(summary, text)]
    return [paragraph for paragraph in said if paragraph]


def kind_name(kind: str, lang: str) -> str:
    """The name of a kind of word.

    Parameters
    ----------
    kind : str
    lang : {"ko", "en"}
    """
    result: str = TEXT[lang].get("kind_names", {}).get(kind, kind)
    return result


def _ordered(pair: dict[str, Any]) -> tuple[str, str]:
    """The two cells of a pair, the more accurate one first."""
    first, second = pair["cells"]
    return (second, first) if pair["difference"].mean > 0 else (first, second)


def _counted(summary: dict[str, Any], text: dict[str, Any]) -> str:
    said = text["counted"].format(
        cells=_many(len(summary["cells"]), "cell", text), seeds=_many(summary["seeds"], "seed", text),
        test=summary["test_reviews"], explained=summary["explained"],
        over_seeds=text["over_seeds"] if summary["seeds"] > 1 else "")
    result: str = said + ("" if summary["seeds"] > 1 else text["one_seed"])
    return result


def _accuracy(summary: dict[str, Any], text: dict[str, Any]) -> str:
    cells = summary["cells"]
    best = max(cells, key=lambda cell: cells[cell]["accuracy"].mean)
    worst = min(cells, key=lambda cell: cells[cell]["accuracy"].mean)
    said: str = text["accuracy"].format(low=f"{cells[worst]['accuracy'].mean:.4f}", worst=worst,
                                        high=f"{cells[best]['accuracy'].mean:.4f}", best=best)
    if not summary["pairs"]:
        return said
    differ = [pair for pair in summary["pairs"] if pair["beyond_chance"]]
    if not differ:
        return said + str(text["none_differ"])
    named = []
    for pair in differ:
        high, low = _ordered(pair)
        named.append(text["above"].format(high=high, low=low, points=f"{100 * abs(pair['difference'].mean):.2f}",
                                          p=_p(pair["p_holm"])))
    same = len(summary["pairs"]) - len(differ)
    said += text["beyond"].format(named="; ".join(named))
    return said + (text["rest"].format(pairs=_many(same, "pair", text)) if same else "")


def _baselines(summary: dict[str, Any], text: dict[str, Any]) -> str:
    said = []
    for pair in summary["pairs"]:
        if "none" in pair["cells"] and not all(CELLS[cell].baseline for cell in pair["cells"]):
            first, second = pair["cells"]
            sign = 1 if first == "none" else -1
            low, _, high = sorted(sign * x for x in pair["difference"])
            gain = Figure(sign * pair["difference"].mean, low, high).spell(2, factor=100, sign="+")
            said.append("{} {} [{}, {}]".format(second if first == "none" else first, *gain))
    return text["adds"].format(said=", ".join(said)) if said else ""


def _weights_agree(summary: dict[str, Any], text: dict[str, Any]) -> str:
    cells, pairs = summary["cells"], summary["pairs"]
    learned = [cell for cell in cells if not CELLS[cell].baseline]
    between = [pair for pair in pairs if set(pair["cells"]) <= set(learned)]
    if summary["seeds"] < 2 or not between:
        return ""
    seeds = {cell: cells[cell]["seeds_agree"]["divergence"] for cell in learned}
    inside = sum(f.mean for f in seeds.values()) / len(seeds)
    across = sum(pair["agree"]["divergence"].mean for pair in between) / len(between)
    apart = [text["and"].join(pair["cells"]) for pair in between
             if all(more.sign > 0 for more in pair["agree"]["more_than_seeds"].values())]
    said = text["where"].format(inside=f"{inside:.3f}", across=f"{across:.3f}")
    result: str = said + (text["apart"].format(pairs="; ".join(apart)) if apart else text["not_apart"])
    return result


def _faithful(summary: dict[str, Any], text: dict[str, Any], lang: str) -> str:
    said = []
    for cell, own in summary["cells"].items():
        figures = {method: found["comprehensiveness"] for method, found in own["methods"].items()}
        best = max((m for m in figures if m != "random"), key=lambda m: figures[m].mean)
        less = own["attention_less"]
        if not less["random"].sign:
            place = "untold"
        elif less["random"].sign < 0:
            place = "below"
        else:
            place = "level" if best == "attention" or less[best].sign >= 0 else "between"
        rivals = [text["rival"].format(name=method_name(name, lang, short=True), figure=figures[name], less=less[name])
                  for name in (best, "random") if name != "attention"]
        said.append(text["faithful_one"].format(cell=cell, attention=figures["attention"], place=text["places"][place],
                                                rivals="; ".join(rivals)))
    result: str = text["faithful"].format(said=". ".join(said))
    return result


def _ranked(summary: dict[str, Any], text: dict[str, Any]) -> str:
    """The order of the cells by normalised AOPC of their attention, and whether raw AOPC gives another order."""
    cells, pairs = summary["cells"], summary["attention_pairs"]
    if not pairs:
        return ""
    by = {name: {cell: own["methods"]["attention"][name].mean for cell, own in cells.items()} for name in BETWEEN_MODELS}
    orders = {name: sorted(cells, key=means.__getitem__, reverse=True) for name, means in by.items()}
    said, raw = ([f"{cell} {by[name][cell]:.3f}" for cell in order] for name, order in orders.items())
    differ = sum(bool(pair["difference"].sign) for pair in pairs)
    result: str = text["ranked"].format(order=", ".join(said), differ=differ, pairs=_many(len(pairs), "pair", text))
    return result + str(text["ranked_same"] if len(set(map(tuple, orders.values()))) == 1 else
                        text["ranked_other"].format(order=", ".join(raw)))


def _needed(summary: dict[str, Any], text: dict[str, Any]) -> str:
    said = [text["needed_one"].format(cell=cell, change=f"{own['weights']['permutation'].mean:.3f}",
                                      far=f"{own['weights']['adversarial'].mean:.2f}",
                                      most=f"{own['weights']['adversarial_bound'].mean:.2f}")
            for cell, own in summary["cells"].items() if not CELLS[cell].baseline]
    return text["needed"].format(said="; ".join(said)) if said else ""


def _kinds(summary: dict[str, Any], text: dict[str, Any]) -> str:
    said, names = [], text.get("kind_names", {})
    for cell, own in summary["cells"].items():
        if CELLS[cell].baseline:
            continue
        more = [names.get(kind, kind) for kind, found in own["kinds"].items() if found["more"].low > 0]
        less = [names.get(kind, kind) for kind, found in own["kinds"].items() if found["more"].high < 0]
        if more or less:
            said.append(text["kinds_one"].format(cell=cell, more=", ".join(more) or text["nothing"],
                                                 less=", ".join(less) or text["nothing"]))
    return text["kinds_said"].format(said="; ".join(said)) if said else ""


def _many(count: int, name: str, text: dict[str, Any]) -> str:
    result: str = text[name] if count == 1 else text[f"{name}s"].format(n=count)
    return result


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
