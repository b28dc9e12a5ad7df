"""The text of the report on translation, in English; `report_ko` has the same in Korean."""

from __future__ import annotations

from typing import Any

ENGLISH: dict[str, Any] = {
    "title": "What a translation model's heads learn",
    "about": "Model {model}, trained on {data}. Read at epochs {epochs} (0 is before training), on {sentences} held-out "
             "sentences drawn with seed {seed}. Intervals of 95 %, sentences resampled.",
    "no_positions": "This model has no positional encoding.",
    "answer": "After epoch {epoch} the model reaches BLEU {bleu} and chrF {chrf} on held-out sentences. Without head "
              "{head} "
              "of the {kind} it loses the most: {loss} BLEU.",
    "answer_none": "After epoch {epoch} the model reaches BLEU {bleu} and chrF {chrf} on held-out sentences. No single "
                   "head "
                   "is missed beyond doubt.",
    "contents": "Contents",
    "summary": "In brief",
    "curves": "How it learned",
    "curves_alt": "Left, the loss in training from {first:.2f} to {last:.2f} and on validation; right, BLEU on "
                  "validation, at "
                  "most {bleu:.1f} in epoch {epoch}.",
    "scores": "Scores at each epoch",
    "epoch": "epoch", "untrained": "untrained", "epoch_name": "epoch {}",
    "translations": "The same sentences at each epoch",
    "translations_how": "Greedy translations.",
    "source": "source",
    "grids": "Every head at each epoch",
    "grids_how": "A row is a head, a column an epoch; down are the subwords that look, across those that they look at. All "
                 "pictures of a sentence have one colour scale. Every epoch is made to say what the best one says, so that "
                 "the rows are the same. &lt;s&gt; begins the target, &lt;/s&gt; ends a sentence.",
    "grid_alt": "{name}: {layers} layers of {heads} heads at epochs {epochs}. At the last one the strongest link is "
                "{query} → "
                "{key} with {share} % in layer {layer}, head {head}.",
    "scale": "attention (%), square-root scale",
    "head_name": "layer {layer} head {head}",
    "heads": "What each head does",
    "heads_how": "At the last epoch, the held-out translation given. Entropy is a fraction of the largest there can be; "
                 "distance is in subwords; the others are shares of the weight, in per cent. “Own place” is the subword "
                 "itself in the encoder, the subword said last in the decoder, and the same part of the sentence in "
                 "cross-attention. “End mark” is the end of the source; in the decoder the beginning of the target. ▲ "
                 "and ▼ "
                 "mark what is more or less than before training beyond doubt. “Specialised in” names what holds at least "
                 "a third of a head's weight and has gained.",
    "head": "head", "kind": "kind", "layer": "layer",
    "kinds": {"encoder": "encoder", "decoder": "decoder", "cross": "cross-attention"},
    "columns": {"entropy": "entropy", "distance": "distance", "previous": "place before", "same": "own place",
                "next": "place after", "punctuation": "punctuation", "special": "end mark"},
    "specialised": "specialised in",
    "names": {"previous": "the place before", "same": "its own place", "next": "the place after",
              "punctuation": "punctuation", "special": "the end mark", "even": "everything evenly"},
    "through": "From epoch to epoch",
    "through_how": "Entropy of each head, as a fraction of the largest there can be. Shades are "
                   "darker the lower it is.",
    "layers": "Layers compared",
    "layers_how": "Means over a layer's heads, at the last epoch and before training.",
    "alignment": "Do the heads of cross-attention find the word that is translated?",
    "alignment_how": "An aligner that knows nothing of the model (eflomal) says which words translate each other. "
                     "Alignment "
                     "error rate of the word that each head looks at most: 0 is perfect, 1 is never.",
    "alignment_none": "Not measured: {reason}",
    "better": "less than untrained",
    "ablation": "What is looked at, and what is needed",
    "ablation_how": "BLEU and chrF of the last epoch's greedy translations when a head adds nothing, less those of the "
                    "whole "
                    "model. A bold figure is beyond doubt. Beside it stands what the head specialised in.",
    "without": "without", "change_of": "change of {}",
    "limits": "What this does not show",
    "limits_lines": [
        "Where a head looks is not yet what the model needs: compare the last table.",
        "One head is taken away at a time. Heads that do the same work can stand in for each other.",
        "The figures are of one training run, with one seed.",
        "BLEU compares words with given translations. Other translations may be right too.",
    ],
    "said": {
        "scores": "From epoch {first} to epoch {last} BLEU goes from {before} to {after}.",
        "specialised": "{count} of {all} heads specialised: {names}.",
        "none": "None of {all} heads specialised.",
        "sharper": "{count} of {all} heads look more sharply than before training, {wider} less.",
        "needed": "Without any one of {count} of {all} heads BLEU falls beyond doubt. The most needed are: {names}.",
        "aligned": "The head that agrees best with the aligner is {head} (error rate {error}; before training {before}).",
    },
    "axes": {"loss": "loss (nats a subword)", "step": "step", "epoch": "epoch", "bleu": "BLEU, validation",
             "train": "training", "valid": "validation"},
}
