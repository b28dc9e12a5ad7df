"""The text of the report on translation, in English; `report_ko` has the same in Korean."""

from __future__ import annotations

from typing import Any

ENGLISH: dict[str, Any] = {
    "title": "What a translation model's heads learn",
    "about": "Model {model}, trained on {data}. Measured at epochs {epochs} (0 is before training) on {sentences} held-out "
             "sentences, drawn with seed {seed}. Intervals are 95 % intervals over resampled sentences.",
    "no_positions": "This model has no positional encoding.",
    "answer": "After epoch {epoch} the model reaches BLEU {bleu} and chrF {chrf} on held-out sentences. Without head "
              "{head} "
              "of the {kind} it loses the most: {loss} BLEU.",
    "answer_none": "After epoch {epoch} the model reaches BLEU {bleu} and chrF {chrf} on held-out sentences. No single "
                   "head "
                   "has a significant effect when it is removed.",
    "contents": "Contents",
    "summary": "Summary",
    "curves": "How it learned",
    "curves_alt": "Left: training loss from {first:.2f} to {last:.2f}, and validation loss. Right: BLEU on "
                  "validation, at "
                  "most {bleu:.1f} in epoch {epoch}.",
    "scores": "Scores at each epoch",
    "epoch": "epoch", "untrained": "untrained", "epoch_name": "epoch {}",
    "translations": "The same sentences at each epoch",
    "translations_how": "Greedy translations.",
    "source": "source",
    "grids": "Every head at each epoch",
    "grids_how": "Each row is a head, each column an epoch. In a picture, rows are the attending subwords and columns the "
                 "subwords they attend to. All pictures of a sentence share one colour scale. In every epoch the model is "
                 "given the best epoch's translation, so that the rows agree. &lt;s&gt; begins the target, &lt;/s&gt; ends "
                 "a sentence.",
    "grid_alt": "{name}: {layers} layers of {heads} heads at epochs {epochs}. In the last one the strongest link is "
                "{query} → "
                "{key} with {share} % in layer {layer}, head {head}.",
    "scale": "attention (%), square-root scale",
    "head_name": "layer {layer} head {head}",
    "heads": "What each head does",
    "heads_how": "At the last epoch, with the held-out translation as target. Entropy is a fraction of the largest "
                 "possible. Distance is in subwords. The other columns are percentages of the weight. “Own place” is the "
                 "subword "
                 "itself in the encoder, the previous subword of the translation in the decoder, and the same relative "
                 "position in cross-attention. “End mark” is the end of the source, and in the decoder the beginning of the "
                 "target. ▲ and ▼ mark values significantly higher or lower than before training. “Specialised in” names "
                 "what has at least a third of a head's weight, and more than before training.",
    "head": "head", "kind": "kind", "layer": "layer",
    "kinds": {"encoder": "encoder", "decoder": "decoder", "cross": "cross-attention"},
    "columns": {"entropy": "entropy", "distance": "distance", "previous": "place before", "same": "own place",
                "next": "place after", "punctuation": "punctuation", "special": "end mark"},
    "specialised": "specialised in",
    "names": {"previous": "the place before", "same": "its own place", "next": "the place after",
              "punctuation": "punctuation", "special": "the end mark", "even": "everything evenly"},
    "through": "From epoch to epoch",
    "through_how": "Entropy of each head, as a fraction of the largest possible. Lower values are "
                   "darker.",
    "layers": "Layers compared",
    "layers_how": "Means over a layer's heads, at the last epoch and before training.",
    "alignment": "Do the heads of cross-attention find the translated word?",
    "alignment_how": "An aligner that does not use the model (eflomal) finds which words translate each other. "
                     "Alignment "
                     "error rate of the word to which each head attends most: 0 means full agreement, 1 none.",
    "alignment_none": "Not measured: {reason}",
    "better": "less than untrained",
    "ablation": "Attention and importance",
    "ablation_how": "Change of BLEU and chrF of the last epoch's greedy translations when a head adds nothing, compared "
                    "with the whole model. Significant changes are bold. The last column is what the head specialised in.",
    "without": "without", "change_of": "change of {}",
    "limits": "What this does not show",
    "limits_lines": [
        "The attention of a head does not show whether the model needs it: compare the last table.",
        "Heads are removed one at a time. Heads that do the same work can replace each other.",
        "The figures come from one training run with one seed.",
        "BLEU compares words with given translations. Other translations may also be correct.",
    ],
    "said": {
        "scores": "From epoch {first} to epoch {last}, BLEU changes from {before} to {after}.",
        "specialised": "{count} of {all} heads specialised: {names}.",
        "none": "None of {all} heads specialised.",
        "sharper": "{count} of {all} heads attend more sharply than before training, {wider} less sharply.",
        "needed": "Removing any one of {count} of {all} heads lowers BLEU significantly. The most important are: {names}.",
        "aligned": "The head that agrees best with the aligner is {head} (error rate {error}; before training {before}).",
    },
    "axes": {"loss": "loss (nats per subword)", "step": "step", "epoch": "epoch", "bleu": "BLEU, validation",
             "train": "training", "valid": "validation"},
}
