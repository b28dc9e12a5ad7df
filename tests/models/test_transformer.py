"""The Transformer: what is hidden moves nothing, and its weights are the softmax itself."""

import numpy as np
import pytest

from gluonattn.capture.gluon import capture
from gluonattn.models.transformer import Transformer
from gluonattn.runtime import mx

from ..tolerance import tolerance

LETTERS, SOURCES, TARGETS = 12, [7, 4, 2], 5
SUMS = 24, 11  # the widest layer; two sublayers in each encoder layer and three in each decoder layer, and the head


def make(**options):
    mx.random.seed(0)
    model = Transformer(LETTERS, **{"units": 16, "hidden_size": 24, "num_heads": 4, "max_length": 20, **options})
    model.initialize(mx.init.Normal(0.4))
    return model


def ids(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, LETTERS, shape).astype(np.float32)


def run(model, source, target, lengths=SOURCES):
    logits, weights = model(mx.nd.array(source), mx.nd.array(lengths), mx.nd.array(target))
    return logits.asnumpy(), [np.stack([layer.asnumpy() for layer in kind]) for kind in weights]


def test_shapes():
    logits, (encoder, decoder, cross) = run(make(num_layers=3), ids(3, 7), ids(3, TARGETS))
    assert logits.shape == (3, TARGETS, LETTERS)
    assert encoder.shape == (3, 3, 4, 7, 7) and decoder.shape == (3, 3, 4, 5, 5) and cross.shape == (3, 3, 4, 5, 7)


@pytest.mark.parametrize("hybridized", [False, True])
def test_padding_is_never_looked_at(hybridized):
    model = make()
    if hybridized:
        model.hybridize()
    source, target = ids(3, 7), ids(3, TARGETS)
    logits, (encoder, _, cross) = run(model, source, target)
    other = source.copy()
    for row, length in zip(other, SOURCES):
        row[length:] = (row[length:] + 5) % LETTERS
    found, (encoder_again, _, cross_again) = run(model, other, target)
    assert (other != source).any() and (found == logits).all() and (cross_again == cross).all()
    for i, length in enumerate(SOURCES):
        assert (encoder[:, i, :, :, length:] == 0).all() and (cross[:, i, :, :, length:] == 0).all()
        assert (encoder_again[:, i, :, :length] == encoder[:, i, :, :length]).all()
        alone, _ = run(model, source[i : i + 1, :length], target[i : i + 1], [length])  # whatever it is batched with
        np.testing.assert_allclose(alone[0], logits[i], atol=tolerance(*SUMS, scale=logits))


def test_a_mask_that_leaks_would_be_seen():
    """The same comparison where one padding position too many is looked at: it is off by far more than rounding."""
    model, source, target = make(), ids(3, 7), ids(3, TARGETS)
    leaking, _ = run(model, source, target, [7, 5, 3])
    for i, length in enumerate(SOURCES):
        alone, _ = run(model, source[i : i + 1, :length], target[i : i + 1], [length])
        apart = np.abs(alone[0] - leaking[i]).max() / tolerance(*SUMS, scale=leaking)
        assert apart < 1 if length == 7 else apart > 500


def test_the_future_is_never_looked_at():
    model, source, target = make(), ids(3, 7), ids(3, TARGETS)
    logits, (_, decoder, cross) = run(model, source, target)
    assert (decoder[..., np.triu_indices(TARGETS, 1)[0], np.triu_indices(TARGETS, 1)[1]] == 0).all()
    for said in range(1, TARGETS):
        other = target.copy()
        other[:, said:] = (other[:, said:] + 3) % LETTERS
        found, (_, decoder_again, cross_again) = run(model, source, other)
        assert (found[:, :said] == logits[:, :said]).all() and (found[:, said:] != logits[:, said:]).any()
        assert (cross_again[..., :said, :] == cross[..., :said, :]).all()
        assert (decoder_again[..., :said, :] == decoder[..., :said, :]).all()


def test_weights_are_what_queries_and_keys_make():
    model = make()
    with capture(model, vectors=True) as recorder:
        _, weights = run(model, ids(3, 7), ids(3, TARGETS))
    layers = recorder.verify()
    assert len(layers) == 6 and all(max(one.weights_error, one.context_error) < tolerance(24, 2) for one in layers)
    for kind, found in zip(("encoder", "decoder", "cross"), weights):
        captured = [call.weights for call in recorder.passes[0].calls if call.kind == kind]
        np.testing.assert_array_equal(np.stack(captured), found)
    _, decoder, cross = weights
    np.testing.assert_allclose(np.concatenate([decoder.sum(-1).ravel(), cross.sum(-1).ravel()]), 1, atol=tolerance(7))


def test_dropout_acts_in_training_alone():
    model, source, target = make(dropout=0.5), ids(3, 7), ids(3, TARGETS)
    quiet = run(model, source, target)
    again = run(model, source, target)
    assert (quiet[0] == again[0]).all() and all((a == b).all() for a, b in zip(quiet[1], again[1]))
    with mx.autograd.record():
        _, (_, _, cross) = run(model, source, target)
    assert np.abs(cross.sum(-1) - 1).max() > 0.1  # so no record is made there


def test_hybridized_it_computes_the_same():
    model = make()
    plain = run(model, ids(3, 7), ids(3, TARGETS))
    model.hybridize(static_alloc=True)
    compiled = run(model, ids(3, 7), ids(3, TARGETS))
    np.testing.assert_allclose(compiled[0], plain[0], atol=tolerance(*SUMS, scale=plain[0]))
    for kind, wanted in zip(compiled[1], plain[1]):
        np.testing.assert_allclose(kind, wanted, atol=tolerance(*SUMS))
