"""Small classifiers of several families with random weights, and modules of one's own."""

from __future__ import annotations

import pytest

from ...capture.conftest import SIZES, reviews, tokenizers, transformers  # noqa: F401
from ...tolerance import tolerance

# family: (configuration, sizes, tokenizer)
FAMILIES = {
    "Bert": ({**SIZES, "max_position_embeddings": 64}, "wordpiece"),
    "Electra": ({**SIZES, "embedding_size": 16, "max_position_embeddings": 64}, "wordpiece"),
    "Albert": ({**SIZES, "embedding_size": 16, "max_position_embeddings": 64}, "wordpiece"),
    "DistilBert": (dict(dim=32, n_layers=2, n_heads=4, hidden_dim=48, max_position_embeddings=64), "wordpiece"),
    "Roberta": ({**SIZES, "max_position_embeddings": 66}, "unigram"),
    "GPT2": (dict(n_embd=32, n_layer=2, n_head=4, n_positions=64), "bytes"),
    "DebertaV2": ({**SIZES, "max_position_embeddings": 64, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
                  "wordpiece"),
}
TEXT = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"
CLOSE = tolerance(SIZES["intermediate_size"], 6 * SIZES["num_hidden_layers"])  # sums of a layer, forth and back


@pytest.fixture(scope="session")
def classifiers(transformers, tokenizers):  # noqa: F811
    """``classifiers(family)``: a model of transformers and its tokenizer."""
    import torch

    def make(family: str, classes: int = 2, **options):
        sizes, spelled = FAMILIES[family]
        tokenizer = tokenizers[spelled]
        torch.manual_seed(0)
        marks = {"pad_token_id": tokenizer.pad_token_id, **({"bos_token_id": 1} if family == "GPT2" else {}),
                 **({"eos_token_id": tokenizer.eos_token_id} if tokenizer.eos_token_id is not None else {})}
        labels = ["부정", "긍정", "보통"][:classes]
        config = getattr(transformers, f"{family}Config")(
            vocab_size=len(tokenizer), **{**sizes, **options}, **marks, id2label=dict(enumerate(labels)),
            label2id={label: i for i, label in enumerate(labels)})
        model = getattr(transformers, f"{family}ForSequenceClassification")(config)
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.25)
        return model, tokenizer

    return make
