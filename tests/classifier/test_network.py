"""Both recipes: batching, hybridizing, exporting, and the post's model to the letter."""

import numpy as np
import pytest

from gluonattn.classifier.network import RECIPES, build
from gluonattn.errors import OptionError
from gluonattn.models.cells import CELLS
from gluonattn.models.checkpoint import get_weights, set_weights
from gluonattn.runtime import mx, nlp

from ..tolerance import tolerance

WORDS, PADDING = 20, 1
SMALL = dict(vocab_size=WORDS, classes=3, embed_size=6, hidden_size=4, units=5, num_heads=2)
every_cell = pytest.mark.parametrize("cell", CELLS)


def make(recipe="default", **settings):
    mx.random.seed(7)
    model = build(recipe, **{**SMALL, **settings})
    model.initialize(mx.init.Normal(0.5))
    return model


def sentences(*lengths):
    rng = np.random.default_rng(len(lengths))
    return [rng.integers(2, WORDS, size=n) for n in lengths]


def batch(texts, longest=None):
    ids = np.full((len(texts), longest or max(map(len, texts))), PADDING)
    for row, text in zip(ids, texts):
        row[: len(text)] = text
    return mx.nd.array(ids, dtype="int32"), mx.nd.array([len(t) for t in texts], dtype="int32")


@every_cell
@pytest.mark.parametrize("hybrid", [False, True], ids=["imperative", "hybridized"])
def test_default_answers_alike_alone_and_in_any_batch(cell, hybrid):
    model = make(cell=cell)
    if hybrid:
        model.hybridize(static_alloc=True)
    texts = sentences(7, 1, 4, 2)
    alone = [[x.asnumpy()[0] for x in model(*batch([text]))] for text in texts]
    for order, longest in (([0, 1, 2, 3], 7), ([3, 1], 2), ([2, 0, 1], 12)):
        logits, weights = (x.asnumpy() for x in model(*batch([texts[i] for i in order], longest)))
        assert weights.shape == (len(order), CELLS[cell].heads(2), longest, longest)
        for row, i in enumerate(order):
            n = len(texts[i])
            np.testing.assert_allclose(logits[row], alone[i][0], atol=tolerance(8, 14, scale=logits))
            np.testing.assert_allclose(weights[row, :, :n, :n], alone[i][1], atol=tolerance(8, 14))
            assert (weights[row, :, n:] == 0).all() and (weights[row, :, :, n:] == 0).all()


NGRAMS = dict(subword_buckets=32, ngrams=63, subword_size=3)


def fill_branch(model):
    """Random tables of the linear branch; row 0 too, which must not count."""
    model.ngram_scores.weight.set_data(mx.nd.random.normal(shape=(64, 3)))
    model.ngram_squares.weight.set_data(mx.nd.random.uniform(0.1, 1, shape=(64, 1)))
    return model.ngram_scores.weight.data().asnumpy(), model.ngram_squares.weight.data().asnumpy()


def with_ngrams(texts, longest=None, columns=None):
    """The batch, and n-grams that depend on each text alone."""
    ids, lengths = batch(texts, longest)
    subwords = np.zeros((*ids.shape, columns or 3), "int32")
    ngrams = np.zeros((len(texts), columns or 12), "int32")
    for row, text in enumerate(texts):
        subwords[row, : len(text), 0] = text + 3
        subwords[row, : len(text) : 2, 1] = 31 - text[::2]
        ngrams[row, : len(text)] = 2 * text
    return ids, lengths, mx.nd.array(subwords, dtype="int32"), mx.nd.array(ngrams, dtype="int32")


@pytest.mark.parametrize("hybrid", [False, True], ids=["imperative", "hybridized"])
def test_ngrams_too_answer_alike_alone_and_in_any_batch(hybrid):
    model = make(**NGRAMS)
    if hybrid:
        model.hybridize(static_alloc=True)
    texts = sentences(7, 1, 4, 2)
    model(*with_ngrams(texts))
    fill_branch(model)
    alone = [[x.asnumpy()[0] for x in model(*with_ngrams([text]))] for text in texts]
    for order, longest, columns in (([0, 1, 2, 3], 7, None), ([3, 1], 2, 20), ([2, 0, 1], 12, 40)):
        found = model(*with_ngrams([texts[i] for i in order], longest, columns))
        for row, i in enumerate(order):
            n = len(texts[i])
            np.testing.assert_allclose(found[0].asnumpy()[row], alone[i][0], atol=tolerance(8, 14, scale=alone[i][0]))
            np.testing.assert_allclose(found[1].asnumpy()[row, :, :n, :n], alone[i][1], atol=tolerance(8, 14))


def test_the_linear_branch_is_the_sum_of_its_ngrams_over_the_root_of_their_squares():
    model = make(**NGRAMS)
    ids, lengths, subwords, ngrams = with_ngrams(sentences(5, 3))
    model(ids, lengths, subwords, ngrams)
    scores, squares = fill_branch(model)
    difference = (model(ids, lengths, subwords, ngrams)[0] - model(ids, lengths, subwords, 0 * ngrams)[0])
    for row, numbers in zip(difference.asnumpy(), ngrams.asnumpy()):
        real = numbers[numbers > 0]
        np.testing.assert_allclose(row, scores[real].sum(0) / np.sqrt(squares[real].sum()), atol=tolerance(40))


def test_a_text_without_known_ngrams_has_the_logits_of_the_network():
    model = make(**NGRAMS)
    ids, lengths, subwords, ngrams = with_ngrams(sentences(5, 3))
    model(ids, lengths, subwords, ngrams)
    before = model(ids, lengths, subwords, 0 * ngrams[:, :1])[0].asnumpy()
    fill_branch(model)
    assert (model(ids, lengths, subwords, 0 * ngrams)[0].asnumpy() == before).all()


def test_a_word_is_joined_by_the_mean_of_its_ngrams():
    """Naming one n-gram twice changes nothing: it is a mean, not a sum."""
    model = make(**NGRAMS)
    ids, lengths, subwords, ngrams = with_ngrams(sentences(4, 4))
    once = mx.nd.concat(subwords[:, :, :1], 0 * subwords[:, :, :1], dim=2)
    twice = mx.nd.concat(subwords[:, :, :1], subwords[:, :, :1], dim=2)
    a, b, c = (model(ids, lengths, s, ngrams)[0].asnumpy() for s in (once, twice, 0 * twice))
    np.testing.assert_allclose(a, b, atol=tolerance(8, 6, scale=a))
    assert np.abs(a - c).max() > 1e-4


def test_a_linear_branch_needs_ngrams_of_words_too():
    with pytest.raises(OptionError, match="8 ngrams and no subword_buckets"):
        make(ngrams=8)


def test_what_stands_in_the_padding_does_not_matter():
    model = make()
    ids, lengths = batch(sentences(2, 5))
    other = ids.copy()
    other[0, 2:] = 9
    for a, b in zip(model(ids, lengths), model(other, lengths)):
        np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), atol=tolerance(8, 7, scale=a.asnumpy()))


@every_cell
@pytest.mark.parametrize("recipe", RECIPES)
def test_hybridized_equals_unhybridized(recipe, cell):
    length = 6
    model = make(recipe, cell=cell, **({"length": length} if recipe == "post" else {}))
    inputs = batch(sentences(6, 3, 5), length)
    plain = [x.asnumpy() for x in model(*inputs)]
    model.hybridize(static_alloc=True)
    for _ in range(2):  # the second call uses the memory of the first
        for a, b in zip(plain, model(*inputs)):
            np.testing.assert_allclose(b.asnumpy(), a, atol=tolerance(8, 8, scale=a))
    other = batch(sentences(4, 4, 2, 6, 1), length)
    found = [x.asnumpy() for x in model(*other)]
    model.hybridize(active=False)
    for a, b in zip(found, model(*other)):
        np.testing.assert_allclose(b.asnumpy(), a, atol=tolerance(8, 8, scale=a))


@every_cell
@pytest.mark.filterwarnings("ignore:Cannot decide type for the following arguments")
def test_default_exports_and_runs_in_a_symbol_block(cell, tmp_path):
    model = make(cell=cell)
    model.hybridize(static_alloc=True)
    model(*batch(sentences(3, 5)))
    model.export(str(tmp_path / "model"))
    names = ["data0", "data1"]
    loaded = mx.gluon.SymbolBlock.imports(str(tmp_path / "model-symbol.json"), names,
                                          str(tmp_path / "model-0000.params"))
    for lengths in ((3, 5), (9, 2, 4, 1)):  # as exported, then another batch size and length
        inputs = batch(sentences(*lengths))
        for a, b in zip(model(*inputs), loaded(*inputs)):
            np.testing.assert_allclose(b.asnumpy(), a.asnumpy(), atol=tolerance(8, 11, scale=a.asnumpy()))


@pytest.mark.parametrize("recipe", RECIPES)
def test_ids_may_be_float_or_int(recipe):
    model = make(recipe, **({"length": 5} if recipe == "post" else {}))
    ids, lengths = batch(sentences(5, 2), 5)
    for a, b in zip(model(ids, lengths), model(ids.astype("float32"), lengths.astype("float32"))):
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())


@every_cell
def test_gradients_reach_every_parameter_that_matters(cell):
    model = make(cell=cell)
    model.hybridize(static_alloc=True)
    ids, lengths = batch(sentences(5, 3))
    with mx.autograd.record():
        loss = (model(ids, lengths)[0] ** 2).sum()
    loss.backward()
    for name, parameter in model._collect_params_with_prefix().items():
        gradient = parameter.grad()
        if name == "embedding.weight":
            assert gradient.stype == "row_sparse"
            assert set(gradient.indices.asnumpy()) <= {*ids.asnumpy().ravel()}
        values = gradient.asnumpy()
        assert np.isfinite(values).all(), name
        if name != "attention.proj_key.bias":  # a softmax does not see it
            assert np.abs(values).max() > 1e-7, name


def test_post_is_the_posts_model_to_the_letter():
    """Rebuilt here with GluonNLP's own cell and MXNet's own bidirectional GRU."""
    model = build("post", vocab_size=WORDS)
    model.initialize(mx.init.Normal(0.3))
    ids = mx.nd.array(np.random.default_rng(0).integers(0, WORDS, (2, 30)), dtype="int32")
    logits, weights = model(ids, mx.nd.array([30, 4]))
    shapes = {n: p.shape for n, p in model._collect_params_with_prefix().items()}
    assert shapes["embedding.weight"] == (WORDS, 50)
    gates = {n: s for n, s in shapes.items() if n.startswith("bigru") and n.endswith("i2h_weight")}
    assert len(gates) == 2 and set(gates.values()) == {(3 * 64, 50)}  # both directions
    assert shapes["attention._attention_score.weight"] == (1, 30)
    assert shapes["attention._query_mid_layer.weight"] == (30, 128)
    assert shapes["head.weight"] == (2, 30 * 128) and shapes["head.bias"] == (2,)
    assert model.embedding.weight.grad().stype == "default"  # dense, as the post's

    nn = mx.gluon.nn
    twin = nn.HybridSequential()
    twin.embedding = nn.Embedding(WORDS, 50)
    twin.bigru = mx.gluon.rnn.GRU(64, bidirectional=True, layout="NTC")
    twin.attention, twin.head = nlp.model.MLPAttentionCell(30), nn.Dense(2)
    twin.initialize()
    states = twin.bigru(twin.embedding(ids))
    twin.head(twin.attention(states, states)[0])
    set_weights(twin, get_weights(model), mx.cpu())
    states = twin.bigru(twin.embedding(ids))
    context, expected = twin.attention(states, states)
    np.testing.assert_allclose(weights.asnumpy()[:, 0], expected.asnumpy(), atol=tolerance(128, 32))
    logits = logits.asnumpy()
    np.testing.assert_allclose(logits, twin.head(context).asnumpy(), atol=tolerance(30 * 128, 32, scale=logits))


def test_post_lets_padding_take_part():
    model = make("post", length=6)
    ids, _ = batch(sentences(3), 6)
    (short, weights), (full, _) = model(ids, mx.nd.array([3])), model(ids, mx.nd.array([6]))
    np.testing.assert_array_equal(short.asnumpy(), full.asnumpy())  # the length is not looked at
    assert (weights.asnumpy() > 0).all()
    np.testing.assert_allclose(weights.asnumpy().sum(-1), 1, atol=tolerance(6))


def test_an_unknown_recipe_lists_the_known_ones():
    with pytest.raises(OptionError, match="unknown recipe 'seed': expected one of 'default', 'post'"):
        build("seed", vocab_size=3)
