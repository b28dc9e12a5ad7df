from __future__ import annotations

import numpy as np
import pytest

from gluonattn.errors import CaptureError
from gluonattn.runtime import mxnet_is_installed

if not mxnet_is_installed():
    pytest.skip('needs MXNet: pip install "gluonattn[cpu]"', allow_module_level=True)
from gluonattn.capture.gluon import capture
from gluonattn.runtime import mx, nlp

from ..tolerance import tolerance

TEXTS = ["나는 영화를 보았다", "재미있다"]
TOKENS = [["[CLS]", "나는", "영화", "##를", "보았다", "[SEP]"], ["[CLS]", "재미있다", "[SEP]"]]
TARGETS, TARGET_TOKENS = ["I saw it", "fun"], [["<s>", "I", "saw", "it"], ["<s>", "fun"]]
LENGTHS, TARGET_LENGTHS = [6, 3], [4, 2]


def initialised(block):
    mx.random.seed(0)
    block.initialize(mx.init.Normal(0.4))
    return block


def bert():
    encoder = nlp.model.BERTEncoder(units=16, hidden_size=32, num_layers=3, num_heads=4, max_length=32, dropout=0.0)
    return initialised(nlp.model.BERTModel(encoder, vocab_size=50, units=16, embed_size=16, token_type_vocab_size=2,
                                           use_decoder=False, use_classifier=False))


def run_bert(model):
    ids = mx.nd.array(np.random.default_rng(0).integers(0, 50, (2, 6)))
    return model(ids, mx.nd.zeros((2, 6)), mx.nd.array(LENGTHS))[0].asnumpy()


class Both(mx.gluon.Block):
    """An encoder and a decoder, as a translation model has them."""

    def __init__(self):
        super().__init__()
        with self.name_scope():
            self.encoder, self.decoder, _ = nlp.model.transformer.get_transformer_encoder_decoder(
                num_layers=2, num_heads=4, units=16, hidden_size=32, dropout=0.0, max_src_length=20, max_tgt_length=20)

    def forward(self, source, target, source_length, target_length):
        encoded, _ = self.encoder(source, valid_length=source_length)
        states = self.decoder.init_state_from_encoder(encoded, source_length)
        return self.decoder(target, states, target_length)[0]


def run_both(model):
    numbers = np.random.default_rng(0)
    source, target = (mx.nd.array(numbers.normal(size=(2, n, 16))) for n in (6, 4))
    return model(source, target, mx.nd.array(LENGTHS), mx.nd.array(TARGET_LENGTHS)).asnumpy()


@pytest.mark.parametrize("hybridized", [False, True])
@pytest.mark.parametrize("make, run, kinds", [(bert, run_bert, {"encoder"}),
                                              (lambda: initialised(Both()), run_both, {"encoder", "decoder", "cross"})])
def test_nothing_changes_and_weights_are_what_queries_and_keys_make(make, run, kinds, hybridized):
    model = make()
    run(model)
    if hybridized:
        model.hybridize()
    before = run(model)
    with capture(model, vectors=True) as recorder:
        during = run(model)
    with pytest.raises(ZeroDivisionError), capture(model):
        raise ZeroDivisionError
    after = run(model)
    assert (before == after).all() and np.abs(before - during).max() < tolerance(48, 12)
    found = recorder.verify()
    assert {layer.kind for layer in found} == kinds
    assert len(found) == (3 if kinds == {"encoder"} else 6)
    assert all(max(layer.weights_error, layer.context_error) < tolerance(48, 2) and layer.heads == 4 for layer in found)
    active = []
    model.apply(lambda block: active.append(getattr(block, "_active", None)) or None)
    assert (True in active) == hybridized


def test_records_of_a_padded_batch():
    model = bert()
    with capture(model, vectors=True) as recorder:
        run_bert(model)
    first, second = recorder.records(TEXTS, TOKENS)
    assert first.weights.shape == (3, 4, 6, 6) and second.weights.shape == (3, 4, 3, 3)
    assert second.keys_vectors.shape == (3, 4, 3, 4) and first.keys[3][:3] == ("##를", 5, 6)

    model = initialised(Both())
    with capture(model) as recorder:
        run_both(model)
    records = recorder.records(TEXTS, TOKENS, target_texts=TARGETS, target_tokens=TARGET_TOKENS)
    assert [(r.kind, r.weights.shape[2:]) for r in records] == [
        ("encoder", (6, 6)), ("decoder", (4, 4)), ("cross", (4, 6)),
        ("encoder", (3, 3)), ("decoder", (2, 2)), ("cross", (2, 3))]


def test_a_block_without_attention_says_what_it_holds():
    with pytest.raises(CaptureError, match="Dense holds none of .* cells; its blocks are Dense"), capture(
            mx.gluon.nn.Dense(2)):
        pass
