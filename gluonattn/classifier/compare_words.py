"""A comparison in words: what differs beyond chance, and what does not. Every sentence comes from the figures."""

from __future__ import annotations

from typing import Any

from ..models.cells import CELLS
from ..statistics import Figure


def in_words(summary: dict[str, Any]) -> list[str]:
    """Sentences about a summary of `compare_summary.summarise`, one paragraph each."""
    said = [_counted(summary), _accuracy(summary), _baselines(summary), _weights_agree(summary),
            _faithful(summary), _needed(summary), _kinds(summary)]
    return [paragraph for paragraph in said if paragraph]


def _counted(summary) -> str:
    return (
        f"{_many(len(summary['cells']), 'cell')} with {_many(summary['seeds'], 'seed')} each. Accuracy is counted on "
        f"{summary['test_reviews']:,} test reviews, explanations on {summary['explained']:,} of them. Intervals are "
        f"95 % bootstrap intervals over reviews{' and training seeds' if summary['seeds'] > 1 else ''}."
        + ("" if summary["seeds"] > 1 else " With one seed, what training itself varies is not in them."))


def _accuracy(summary) -> str:
    cells = summary["cells"]
    best = max(cells, key=lambda cell: cells[cell]["accuracy"].mean)
    worst = min(cells, key=lambda cell: cells[cell]["accuracy"].mean)
    text = (f"Accuracy goes from {cells[worst]['accuracy'].mean:.4f} ({worst}) to "
            f"{cells[best]['accuracy'].mean:.4f} ({best}). ")
    if not summary["pairs"]:
        return text.strip()
    differ = [pair for pair in summary["pairs"] if pair["beyond_chance"]]
    if not differ:
        return text + ("No two cells differ in accuracy beyond chance (McNemar's test on the mean of the seeds, "
                       "corrected by Holm, and an interval of the difference that leaves 0 out, on the same side).")
    named = []
    for pair in differ:
        low, high = pair["cells"] if pair["difference"].mean > 0 else reversed(pair["cells"])
        named.append(f"{high} above {low} by {100 * abs(pair['difference'].mean):.2f} points "
                     f"(p {_p(pair['p_holm'])})")
    same = len(summary["pairs"]) - len(differ)
    rest = f" The other {_many(same, 'pair')} cannot be told apart." if same else ""
    return text + "Beyond chance: " + "; ".join(named) + "." + rest


def _baselines(summary) -> str:
    said = []
    for pair in summary["pairs"]:
        if "none" in pair["cells"] and not all(CELLS[cell].baseline for cell in pair["cells"]):
            first, second = pair["cells"]
            sign = 1 if first == "none" else -1
            low, _, high = sorted(sign * x for x in pair["difference"])
            gain = Figure(sign * pair["difference"].mean, low, high).spell(2, factor=100, sign="+")
            said.append("{} {} [{}, {}]".format(second if first == "none" else first, *gain))
    return f"What attention adds to accuracy over none, in points: {', '.join(said)}." if said else ""


def _weights_agree(summary) -> str:
    cells, pairs = summary["cells"], summary["pairs"]
    learned = [cell for cell in cells if not CELLS[cell].baseline]
    between = [pair for pair in pairs if set(pair["cells"]) <= set(learned)]
    if summary["seeds"] < 2 or not between:
        return ""
    seeds = {cell: cells[cell]["seeds_agree"]["divergence"] for cell in learned}
    inside = sum(f.mean for f in seeds.values()) / len(seeds)
    across = sum(pair["agree"]["divergence"].mean for pair in between) / len(between)
    apart = [" and ".join(pair["cells"]) for pair in between
             if all(more.sign > 0 for more in pair["agree"]["more_than_seeds"].values())]
    text = (f"Where attention goes: two seeds of one cell diverge by {inside:.3f} on average, two cells by "
            f"{across:.3f} (Jensen-Shannon, at most 0.693). ")
    if apart:
        return text + f"More than two seeds of either do: {'; '.join(apart)}."
    return text + "No two cells look at the words more differently than two seeds of one cell do."


def _faithful(summary) -> str:
    said = []
    for cell, own in summary["cells"].items():
        figures = {method: found["comprehensiveness"] for method, found in own["methods"].items()}
        attention = figures["attention"]
        best = max((m for m in figures if m != "random"), key=lambda m: figures[m].mean)
        less = own["attention_less"]
        if not less["random"].sign:
            place = "not told apart from random"
        elif less["random"].sign < 0:
            place = "below random"
        elif best == "attention" or less[best].sign >= 0:
            place = "level with the best method"
        else:
            place = "above random, below the best method"
        rivals = [f"{name} {figures[name]}, attention less it {less[name]}"
                  for name in (best, "random") if name != "attention"]
        said.append(f"{cell}: attention {attention} is {place} ({'; '.join(rivals)})")
    return ("How much of the decision goes when the top words are removed (AOPC-comprehensiveness; differences are of the "
            "same reviews): " + ". ".join(said) + ".")


def _needed(summary) -> str:
    said = []
    for cell, own in summary["cells"].items():
        if CELLS[cell].baseline:
            continue
        weights = own["weights"]
        said.append(f"{cell} {weights['permutation'].mean:.3f} and {weights['adversarial'].mean:.2f} of "
                    f"{weights['adversarial_bound'].mean:.2f}")
    if not said:
        return ""
    return ("Whether the weights could have been others: the median change of the probability when they are "
            "shuffled, and how far other weights that keep the decision (within 0.05) can be from them, of the "
            "furthest any could: " + "; ".join(said) + ".")


def _kinds(summary) -> str:
    said = []
    for cell, own in summary["cells"].items():
        if CELLS[cell].baseline:
            continue
        more = [kind for kind, found in own["kinds"].items() if found["more"].low > 0]
        less = [kind for kind, found in own["kinds"].items() if found["more"].high < 0]
        if more or less:
            said.append(f"{cell} more on {', '.join(more) or 'nothing'}, less on {', '.join(less) or 'nothing'}")
    return "Kinds of words that get more or less attention than their share of tokens, beyond chance: " + "; ".join(
        said) + "." if said else ""


def _many(count: int, name: str) -> str:
    return f"{count} {name}{'s' * (count != 1)}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
