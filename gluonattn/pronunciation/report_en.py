"""The text of the report on pronunciation, in English; `report_ko` has the same in Korean."""

from __future__ import annotations

from typing import Any

from .study import OBSTRUENT, PLAIN, SINO

ENGLISH: dict[str, Any] = {
    "title": "Where a model of pronunciation looks, and what decides",
    "about": (
        "Model {model}, trained on {data}, read at epochs {epochs} (0 is before training), drawn with seed "
        "{seed}."
    ),
    "summary": "In short",
    "contents": "Contents",
    "first_heads": "Of {all} heads {count} follow the letter that changes the sound.",
    "first_no_heads": "None of {all} heads follows the letter that changes the sound.",
    "first_flips": " For {rule}, replacing that letter changes {flips}% of the decisions.",
    "grid_alt": "{name}: attention of {layers} layers of {heads} heads at epochs {epochs}. At the last epoch the "
                "strongest is layer {layer} head {head}, {query} → {key} {share}%.",
    "question_alt": "{question}: {head} gives most, {share}%, to {looked}; the letter whose replacing changes "
                    "most decisions is {decides}, {flips}%.",
    "grids": "Heads and epochs",
    "grids_how": (
        "One row is a head, one column an epoch. Down: who looks; across: the letters looked at. All pictures "
        "of a word have one colour scale. Orange frames stand where a changed sound (row) meets its cause "
        "(column). </s> is the end, <s> the beginning. In the encoder letters look at letters, in the decoder "
        "the sound being said at sounds said before, in cross-attention the sound being said at the written "
        "letters."
    ),
    "heads": "Heads and causes",
    "agreement_how": (
        '"Cause" is how often, for a changed sound, the letter a head looks at most is the one the rule of '
        'Standard Pronunciation names. "Unchanged" is how often it looks at the same place where the same '
        "kinds of letters stand and nothing changes, kinds mixed as among the changed sounds: a head that "
        'always looks at its neighbour has the same figure in both. "One place" is the head that always '
        'looks equally far, chosen to fit these very words best. Then whether "cause" at the last epoch is '
        "above (✓) or below (↓) each baseline: two-sided, by bootstrap over words, with Holm's correction "
        "over all heads of that kind, p < 0.05; · where it cannot be told."
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
        "how far",
    ],
    "shape": "The shape of heads",
    "shape_how": (
        "Entropy is 1 where weight is spread evenly over what may be looked at (stronger shading is sharper). Distance: "
        "how many letters from their own place they look. Own place: weight on it. First, last: weight on the "
        "first and the last key that may be looked at. Commonest step: the distance to the strongest key that "
        "is most frequent, and how frequent. Drift: Jensen-Shannon divergence between epochs (at most 0.693)."
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
        "sounds (95 % interval above 0, not corrected). Columns are layer·head. Where two letters become one "
        "sound (놓고 [노코]) both are its own, so such sounds are left out."
    ),
    "rule": "rule",
    "words": "words",
    "chance": "chance",
    "rules_of": "{kind}, layer·head",
    "edits": "When a letter is replaced",
    "edits_how": (
        "One letter of a word at a time is replaced, and the model asked again: the cause by a letter with "
        "which the rule no longer acts, another letter by one with which the sound should stay as it is by "
        'rule. "As ruled": how often the model then says what the standard does. Log probability: what the '
        "original sound lost. Where a rule acts in listed words only (articles 26, 28 ...) nothing says what "
        "is right once another letter is replaced."
    ),
    "edit_columns": [
        "right before",
        "cause replaced: changes",
        "then as ruled",
        "another replaced: changes",
        "log p, cause",
        "log p, another",
    ],
    "questions": {
        OBSTRUENT: "Does tensification after obstruents look at the obstruent?",
        SINO: "What does Sino-Korean tensification after ㄹ look at? (갈등 [갈뜽])",
        PLAIN: "Beside words that stay plain after ㄹ (월드, 말도)",
    },
    "letter": "letter",
    "even": "even share, %",
    "flips": "replaced: changes, %",
    "change": "change of log p",
    "replaced": "What the letter was replaced by",
    "replaced_how": 'How often the decision changed when "{letter}" became this letter (– is none).',
    "tables": "Where attention and intervention meet",
    "tables_how": (
        '"Words" asks whether that letter is the strongest of all; "letters" asks of every letter but the '
        'sound\'s own whether it is the strongest of these. "Changes": the decision changed in half of the '
        "edits or more."
    ),
    "looked_words": "{letter}: strongest",
    "not_looked_words": "not strongest",
    "looked_letters": "the strongest letter",
    "not_looked_letters": "other letters",
    "letters": "letters",
    "changes": "changes",
    "stays": "stays",
    "tau": "Head by head: do attention and effect rank letters alike?",
    "tau_how": (
        "Kendall's tau of the attention on each letter and the effect of replacing it (log probability), mean "
        "over words, without the sound's own letter."
    ),
    "layer": "layer",
    "shown": "Some words",
    "shown_how": (
        "Attention (%) and how often replacing the letter changed the decision (%). Orange frame: the cause "
        "(for article 26 and the plain words it is the ㄹ before); dotted frame: the sound's own letter."
    ),
    "wrong": "{count} words the model has wrong: {words}",
    "limits": "What to keep in mind",
    "limits_lines": [
        (
            "Attention shows what a model read; what decided is seen by changing it. Through the layers the "
            "vector of a letter takes in its neighbours: when cross-attention looks at nothing but the sound's "
            "own letter, the cause may have come in through the encoder."
        ),
        (
            "The cause is the letter a rule of the standard names, and it nearly always stands next door. To be "
            "above chance is not enough: compare with the sounds that did not change."
        ),
        (
            "Heads were chosen on validation words, figures counted on test words. The tables by rule and of tau "
            "are many comparisons without correction: read no single cell as a finding."
        ),
        "Forms of one lemma (절대, 절대로) count as words of their own: over lemmas intervals would be a little wider.",
        "This is one model of one seed. Trained again, heads will have other numbers and other parts.",
        (
            "What is right by articles 26 and 28 comes from lists, part of which were not checked word by word "
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
            "them were read ({sites:,} changed sounds). Brackets are 95 % bootstrap intervals over words."
        ),
        "diagonal": "Heads on the diagonal (more than half on their own place): {count}, {named}.",
        "no_diagonal": "No head gives more than half to its own place; the most is {named}.",
        "following": (
            "Heads that follow the cause (for half of the changed sounds or more, the strongest key is the "
            "letter the rule names): {count}, {named}."
        ),
        "no_following": "No head looks at the cause of half of the changed sounds.",
        "weak": " {count} more beat chance, the untrained model and unchanged sounds, but for less than half.",
        "follows": "{cause}; {still} where nothing changes, {untrained:.2f} untrained, {chance:.2f} by chance",
        "positional": (
            "The cause is nearly always a neighbour. What looking always equally far would find at best, and "
            "the heads that do better: {kinds}."
        ),
        "positional_kind": "{kind} {rate} (distance {step}), {count}",
        "sharpened": "{count} of {all} heads became sharper in training (entropy fell), most of all {named}.",
        "drift": "Drift from epoch to epoch (Jensen-Shannon, mean of all heads, at most 0.693): {spans}.",
        "brief": (
            "{rule}: {right} of the words right. Weight on {cause}: {head} {encoder}, mean of all cross heads {cross}. "
            "Replacing it changes the decision in {flips}, replacing another letter in {most} at most ({other})."
        ),
        "too_few": "There are too few words to answer this.",
        "asked_tense": (
            "Of {words} held-out words the model says {right} tense, as it should. What follows is counted on "
            "the {kept} that are right."
        ),
        "asked_plain": (
            "Of {words} held-out words the model says {right} plain, as it should. What follows is counted on "
            "the {kept} that are right."
        ),
        "where": "Where attention falls: {readings}.",
        "where_one": (
            "{head}: {share} on {cause}, most on {top} {most}; {cause} is the strongest letter in {hit} of "
            "{all} words"
        ),
        "what": "How often replacing a letter changes the decision: {cause} {flips}; among others {others}.",
        "agree": (
            "Whether both point at the same letter (decisions that changed when the letter attended to most, its "
            "own aside, was replaced, against other letters): {readings}."
        ),
        "agree_one": "{head} {strongest} against {others}, {verdict}",
        "agrees": "the same letter",
        "differs": "another letter",
        "unclear": "cannot be told",
        "labials": "The vowel before ㄹ: {groups}.",
        "labial": "after ㅁ, ㅂ, ㅃ, ㅍ ({words} words) attention {attention}, decision changed {flips}",
        "other": "after other consonants ({words} words) attention {attention}, decision changed {flips}",
    },
}
