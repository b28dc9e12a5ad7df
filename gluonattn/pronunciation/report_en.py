"""The text of the report on pronunciation, in English; `report_ko` has the same in Korean."""

from __future__ import annotations

from typing import Any

from .study import OBSTRUENT, PLAIN, SINO

ENGLISH: dict[str, Any] = {
    "title": "Where a pronunciation model looks, and what decides",
    "about": (
        "Model {model}, trained on {data}, measured at epochs {epochs} (0 is before training), on words drawn with seed "
        "{seed}."
    ),
    "summary": "Summary",
    "contents": "Contents",
    "first_heads": "Of {all} heads {count} follow the letter that changes the sound.",
    "first_no_heads": "None of {all} heads follows the letter that changes the sound.",
    "first_flips": " For {rule}, replacing that letter changes {flips}% of the decisions.",
    "grid_alt": "{name}: attention of {layers} layers of {heads} heads at epochs {epochs}. At the last epoch the "
                "strongest link is {query} → {key}, {share}%, in layer {layer} head {head}.",
    "question_alt": "{question}: {head} attends most to {looked}, {share}%. The letter whose replacement changes "
                    "most decisions is {decides}, {flips}%.",
    "grids": "Heads and epochs",
    "grids_how": (
        "Each row is a head, each column an epoch. In a picture, rows attend and columns are the letters they attend to. "
        "All pictures of a word share one colour scale. Orange frames mark a changed sound (row) and its cause (column). "
        "</s> is the end, <s> the beginning. In the encoder letters attend to letters. In the decoder each sound attends "
        "to the sounds before it, and in cross-attention to the written "
        "letters."
    ),
    "heads": "Heads and causes",
    "agreement_how": (
        '"Cause" is how often the strongest key for a changed sound is the letter that the rule of Standard '
        'Pronunciation names. "Unchanged" is how often the head attends to the same place at unchanged sounds with '
        "the same kinds of letters, in the same proportions. A head that always attends to its neighbour has the "
        'same figure in both. "One place" is the best head that always attends at one distance, chosen to fit '
        'these same words. The marks show whether "cause" at the last epoch is above (✓) or below (↓) each '
        "baseline, two-sided, by bootstrap over words, with Holm's correction over all heads of that kind, "
        "p < 0.05. A dot (·) means no significant difference."
    ),
    "head": "head",
    "cause_at": "cause, epoch {epoch}",
    "still": "unchanged",
    "own": "own letter",
    "beyond": {
        "chance": "above chance",
        "untrained": "above untrained",
        "positional": "above one place",
        "still": "above unchanged",
    },
    "verdict": "verdict",
    "verdicts": {
        "strong": "follows the cause",
        "leans": "leans to the cause",
        "diagonal": "diagonal",
        "sharpened": "sharper",
    },
    "baselines": [
        "baseline",
        "words",
        "changed sounds",
        "chance",
        "one place",
        "distance",
    ],
    "shape": "The shape of heads",
    "shape_how": (
        "Entropy is 1 if the weight is spread evenly over the visible keys (stronger shading is sharper). Distance: "
        "number of letters from the own place. Own place: weight on it. First, last: weight on the first and the last "
        "visible key. Commonest step: the most frequent distance to the strongest key, and its frequency. "
        "Drift: Jensen-Shannon divergence between epochs (at most 0.693)."
    ),
    "entropy_at": "entropy, epoch {epoch}",
    "distance": "distance",
    "diagonal": "own place",
    "first": "first",
    "last": "last",
    "step": "commonest step",
    "drift": "drift {span}",
    "rules": "Rule by rule",
    "rules_how": (
        "How often the strongest key is the cause, in per cent. Underlined: more often than at unchanged "
        "sounds (95 % interval above 0, not corrected). Columns are layer·head. If two letters become one "
        "sound (놓고 [노코]), both are its own, so such sounds are left out."
    ),
    "rule": "rule",
    "words": "words",
    "chance": "chance",
    "rules_of": "{kind}, layer·head",
    "edits": "When a letter is replaced",
    "edits_how": (
        "One letter of a word is replaced at a time, and the model runs again. The cause is replaced by a letter with "
        "which the rule no longer acts, another letter by one with which the rules give the same sound. "
        '"As ruled": how often the model then follows the standard. Log probability: the loss of the '
        "original sound. If a rule acts only in listed words (articles 26, 28 ...), the correct result is unknown "
        "after another letter is replaced."
    ),
    "edit_columns": [
        "correct before",
        "cause replaced: changes",
        "then as ruled",
        "another replaced: changes",
        "log p, cause",
        "log p, another",
    ],
    "questions": {
        OBSTRUENT: "Do heads attend to the obstruent in tensification after obstruents?",
        SINO: "Where does attention fall in Sino-Korean tensification after ㄹ? (갈등 [갈뜽])",
        PLAIN: "Comparison: words that stay plain after ㄹ (월드, 말도)",
    },
    "letter": "letter",
    "even": "even share, %",
    "flips": "replaced: changes, %",
    "change": "change of log p",
    "replaced": "Replacements of the letter",
    "replaced_how": 'How often the decision changed when "{letter}" became this letter (– is none).',
    "tables": "Agreement of attention and intervention",
    "tables_how": (
        '"Words" shows whether that letter is the strongest of all. "Letters" shows, for every letter except the '
        'sound\'s own, whether it is the strongest of these. "Changes": the decision changed in at least half of '
        "the edits."
    ),
    "looked_words": "{letter}: strongest",
    "not_looked_words": "not strongest",
    "looked_letters": "the strongest letter",
    "not_looked_letters": "other letters",
    "letters": "letters",
    "changes": "changes",
    "stays": "stays",
    "tau": "For each head: do attention and effect rank letters in the same order?",
    "tau_how": (
        "Kendall's tau between the attention on each letter and the effect of replacing it (log probability), mean "
        "over words, without the sound's own letter."
    ),
    "layer": "layer",
    "shown": "Some words",
    "shown_how": (
        "Attention (%), and how often replacing the letter changed the decision (%). Orange frame: the cause "
        "(for article 26 and the plain words it is the ㄹ before); dotted frame: the sound's own letter."
    ),
    "wrong": "{count} words that the model gets wrong: {words}",
    "limits": "Limits",
    "limits_lines": [
        (
            "Attention shows what a model read. Only changing a letter shows whether it decided. Through the layers the "
            "vector of a letter takes in its neighbours. Even if cross-attention falls only on the sound's own letter, "
            "the cause may have entered through the encoder."
        ),
        (
            "The cause is the letter that a rule of the standard names. It is nearly always a neighbour, so being "
            "above chance is not enough: compare with the unchanged sounds."
        ),
        (
            "Heads were chosen on validation words, and figures are from test words. The tables by rule and of tau "
            "are many comparisons without correction: a single cell is not a finding."
        ),
        "Forms of one lemma (절대, 절대로) count as separate words. Intervals over lemmas would be a little wider.",
        "This is one model with one seed. After another training run, heads have other numbers and other roles.",
        (
            "The correct results for articles 26 and 28 come from lists, some of which were not checked word by word "
            "against a dictionary."
        ),
    ],
    "kinds": {
        "encoder": "encoder",
        "decoder": "decoder",
        "cross": "cross",
    },
    "roles": {
        "cause": "the coda before (cause)",
        "previous onset": "onset of the syllable before",
        "previous vowel": "vowel of the syllable before",
        "previous coda": "coda before (another)",
        "next vowel": "its own vowel",
        "coda": "its own coda",
        "earlier": "letters further before",
        "later": "letters further on",
        "own": "its own letter",
        "l": "the ㄹ before",
    },
    "said": {
        "head": "{kind} layer {layer} head {head}",
        "rule": "{english} (article {article})",
        "plain": "plain after ㄹ",
        "more": "; and {count} more",
        "mean": "mean of all {kind} heads",
        "words": (
            "In {caused:,} of {test:,} held-out words one letter changes the sound of another. {read:,} of "
            "them were measured ({sites:,} changed sounds). Brackets are 95 % bootstrap intervals over words."
        ),
        "diagonal": "Heads on the diagonal (more than half on their own place): {count}, {named}.",
        "no_diagonal": "No head has more than half of its weight on its own place; the largest is {named}.",
        "following": (
            "Heads that follow the cause (for half of the changed sounds or more, the strongest key is the "
            "letter that the rule names): {count}, {named}."
        ),
        "no_following": "No head attends to the cause of half of the changed sounds.",
        "weak": " {count} more are above chance, the untrained model and unchanged sounds, but for less than half.",
        "follows": "{cause}; {still} where nothing changes, {untrained:.2f} untrained, {chance:.2f} by chance",
        "positional": (
            "The cause is nearly always a neighbour. The best result of attending at one distance, and "
            "the heads above it: {kinds}."
        ),
        "positional_kind": "{kind} {rate} (distance {step}), {count}",
        "sharpened": "{count} of {all} heads became sharper in training (entropy fell), most of all {named}.",
        "drift": "Drift from epoch to epoch (Jensen-Shannon, mean of all heads, at most 0.693): {spans}.",
        "brief": (
            "{rule}: {right} of the words correct. Weight on {cause}: {head} {encoder}, mean of all cross heads {cross}. "
            "Replacing it changes the decision in {flips}, replacing another letter in at most {most} ({other})."
        ),
        "too_few": "There are too few words to answer this.",
        "asked_tense": (
            "Of {words} held-out words the model correctly makes {right} tense. The following figures are from "
            "the {kept} correct ones."
        ),
        "asked_plain": (
            "Of {words} held-out words the model correctly keeps {right} plain. The following figures are from "
            "the {kept} correct ones."
        ),
        "where": "Where attention falls: {readings}.",
        "where_one": (
            "{head}: {share} on {cause}, most on {top} {most}; {cause} is the strongest letter in {hit} of "
            "{all} words"
        ),
        "what": "How often replacing a letter changes the decision: {cause} {flips}; among others {others}.",
        "agree": (
            "Whether both indicate the same letter (decisions that changed when the letter with most attention, except its "
            "own, was replaced, compared with other letters): {readings}."
        ),
        "agree_one": "{head} {strongest} against {others}, {verdict}",
        "agrees": "the same letter",
        "differs": "another letter",
        "unclear": "no clear difference",
        "labials": "The vowel before ㄹ: {groups}.",
        "labial": "after ㅁ, ㅂ, ㅃ, ㅍ ({words} words) attention {attention}, decision changed {flips}",
        "other": "after other consonants ({words} words) attention {attention}, decision changed {flips}",
    },
}
