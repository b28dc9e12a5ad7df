"""The text of the report on a comparison, in English; `compare_ko` says the same in Korean."""

from __future__ import annotations

from typing import Any

ENGLISH: dict[str, Any] = {
    "title": "Attention cells compared",
    "best_alone": "{best} is right most often ({accuracy}%).",
    "best_beyond": "{best} is right most often ({accuracy}%), and above {others} that is more than chance.",
    "best_chance": "{best} is right most often ({accuracy}%), but no two cells differ in accuracy beyond chance.",
    "best_not_beyond": "{best} is right most often ({accuracy}%), but not beyond chance; what does differ: {pairs}.",
    "counted": "{cells} with {seeds} each. Accuracy is counted on {test:,} test reviews, explanations on "
               "{explained:,} of them. "
               "Intervals are 95% bootstrap intervals over reviews{over_seeds}.",
    "over_seeds": " and training seeds",
    "one_seed": " With one seed, what training itself varies is not in them.",
    "cells": "{n} cells", "cell": "1 cell", "seeds": "{n} seeds", "seed": "1 seed", "pairs": "{n} pairs", "pair": "1 pair",
    "accuracy": "Accuracy goes from {low} ({worst}) to {high} ({best}).",
    "none_differ": " No two cells differ in accuracy beyond chance (McNemar's test on the mean of the seeds, "
                   "corrected by Holm, "
                   "and an interval of the difference that leaves 0 out, on the same side).",
    "beyond": " Beyond chance: {named}.",
    "above": "{high} above {low} by {points} points (p {p})",
    "rest": " The other {pairs} cannot be told apart.",
    "adds": "What attention adds to accuracy over none, in points: {said}.",
    "where": "Where attention goes: two seeds of one cell diverge by {inside} on average, two cells by {across} "
             "(Jensen-Shannon, "
             "at most 0.693). ",
    "apart": "More than two seeds of either do: {pairs}.",
    "not_apart": "No two cells look at the words more differently than two seeds of one cell do.",
    "and": " and ",
    "faithful": "How much of the decision goes when the top words are removed (AOPC-comprehensiveness; "
                "differences are attention minus the other method on the same reviews): {said}.",
    "faithful_one": "{cell}: attention {attention} is {place} ({rivals})",
    "rival": "{name} {figure}, difference {less}",
    "places": {"untold": "not told apart from random", "below": "below random", "level": "level with the best method",
               "between": "above random, below the best method"},
    "ranked": "How well attention finds the words that the decision rests on, by normalised AOPC (0: no order of the words "
              "finds less, 1: none finds more; this figure may be compared between cells): {order}. On the same reviews the "
              "difference is beyond chance in {differ} of {pairs}. ",
    "ranked_same": "Raw AOPC, whose limits differ from model to model, gives the same order.",
    "ranked_other": "Raw AOPC, whose limits differ from model to model, gives another order: {order}.",
    "needed": "Whether the weights could have been others: the median change of the probability when they are "
              "shuffled, and how far "
              "other weights that keep the decision (within 0.05) can be from them, of the furthest any could: {said}.",
    "needed_one": "{cell} {change} and {far} of {most}",
    "kinds_said": "Kinds of words that get more or less attention than their share of tokens, beyond chance: {said}.",
    "kinds_one": "{cell} (more: {more}; less: {less})",
    "nothing": "nothing",
    "headings": ("cell", "accuracy", "ECE", "parameters", "seconds", "entropy", "normalised AOPC: attention", "best method",
                 "random",
                 "shuffled |dp|", "how far weights can differ"),
    "of": "{part} (at most {whole})",
    "overview": "In figures", "sentences_first": "In short", "accuracy_heading": "Accuracy",
    "new": "on the {count:,} reviews whose text is not in training",
    "accuracy_columns": ("cell", "test accuracy", "{new}", "ECE", "parameters", "seconds of training"),
    "pairs_heading": "Cells in pairs",
    "pairs_how": "Difference in points; McNemar's exact test on the decisions of the mean of the seeds. Beyond "
                 "chance: p below 0.05 "
                 "after Holm's correction, an interval over reviews and seeds without 0, and both on the same "
                 "side. Then how far "
                 "apart their received attention is (Jensen-Shannon) and how many of the top 3 words they share.",
    "pairs_columns": ("cells", "difference", "p", "p (Holm)", "beyond chance", "divergence", "top 3 shared"),
    "yes": "yes", "no": "no",
    "calibration": "Calibration", "faithfulness": "Faithfulness", "weights": "The weights themselves",
    "kinds": "Kinds of words",
    "method": "method", "cell_column": "cell", "less": "comprehensiveness of attention less it, review by review",
    "seeds_columns": ("seeds: divergence", "seeds: top 3 shared"),
    "kind": "kind", "token_share": "share of tokens, %",
    "same_sentences": "The same sentences",
    "same_how": "Attention received, mean over seeds, in per cent; one scale for all rows of a sentence. In the "
                "last row, the two "
                "cells furthest apart: blue + where the first named looks more, orange − (underlined with "
                "dashes) where the other "
                "does, in percentage points.",
    "verdict": "label", "difference": "difference", "what_columns_say": "What the columns say",
    "meaning": {
        "entropy": "entropy of a query's weights, of the most there can be (1: even)",
        "highest_weight": "largest weight a query gives, mean",
        "permutation": "median |dp| when weights are shuffled",
        "uniform_change": "|dp| when weights are made even",
        "adversarial": "divergence of the furthest weights found that keep p within 0.05",
        "adversarial_bound": "the furthest any weights could be",
        "conicity": "how alike the states are (1: all one direction)",
        "normalised_aopc": "AOPC of removing all words one by one, between the least (0) and the most (1) that any order of "
                           "the words reaches; the one to compare between cells",
        "raw_aopc": "the same, not normalised",
        "comprehensiveness": "AOPC, top words removed (higher: more faithful)",
        "sufficiency": "AOPC, only top words left (lower: more faithful)",
        "comprehensiveness_mask": "the same, words masked by the unknown word",
        "sufficiency_mask": "the same, masked",
        "flip": "share of words removed until the decision flips (lower: more faithful)",
        "tau_gradient": "Kendall's tau with gradient x input",
        "tau_leave_one_out": "Kendall's tau with leave-one-out",
    },
    "pictures": {
        "accuracy": "test accuracy, % (dot and line: mean and 95% interval; ticks: seeds)",
        "confidence": "probability of the predicted label", "right": "share that is right",
        "faithfulness": "normalised AOPC: 0 where no order of the words loses less, 1 where none loses more",
        "kinds": "attention less share of tokens, percentage points (95% intervals)",
    },
    "alts": {
        "accuracy": "Test accuracy of each cell with its interval: from {low}% ({worst}) to {high}% ({best}). "
                    "The table below has "
                    "every figure.",
        "reliability": "How often predictions of each probability are right, one line a cell; on the diagonal "
                       "they agree. Calibration "
                       "error from {low} to {high}.",
        "faithfulness": "How well each method finds the words that the decision rests on, as normalised AOPC, by cell; the "
                        "tables below have every figure.",
        "kinds": "Attention less share of tokens for each kind of word, by cell; the table below has every figure.",
    },
}
