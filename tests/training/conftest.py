"""A small run on made-up ids, and a small set of real reviews."""

import numpy as np
import pandas as pd
import pytest

TINY = dict(epochs=2, batch_size=8, tokenizer="whitespace", device="cpu",
            model={"embed_size": 6, "hidden_size": 4, "units": 3})
NGRAMS = dict(subword_buckets=16, subword_size=2)


@pytest.fixture
def make_run():
    """``make_run(**settings)`` gives a fresh Run whose label is the first word of each text."""
    from gluonattn.classifier.network import build
    from gluonattn.classifier.settings import ClassifierSettings
    from gluonattn.runtime import mx, seed_everything
    from gluonattn.training.mxnet_run import MXNetRun

    def make(reviews=50, labelled=None, **options):
        settings = ClassifierSettings(**{**TINY, **options}).resolve(reviews)
        parts = made_up_parts(settings, reviews)
        seed_everything(settings.seed)
        model = build(settings.recipe, vocab_size=12, cell=settings.cell,
                      **(NGRAMS if settings.ngrams else {}), **settings.model)
        model.initialize(mx.init.Xavier())
        model.hybridize(static_alloc=True)
        run = MXNetRun(model, settings, *parts, labelled or reviews - 10, device=mx.cpu())
        model(*run.arrays(parts[0], [0])[0])
        run.average.begin()
        return run

    return make


def made_up_parts(settings, reviews, shortest=1):
    """Texts to train and to validate on."""
    from gluonattn.training.run import Part

    rng = np.random.default_rng(0)
    texts = _packed(rng, reviews, settings, shortest)
    targets = np.eye(2, dtype=np.float32)[(texts.words[texts.starts] > 6).astype(int)]
    offsets = rng.normal(size=(reviews, 2)).astype(np.float32) if settings.ngrams else None
    return [Part(texts.take(part), targets[part], offsets if offsets is None else offsets[part])
            for part in (slice(10, None), slice(10))]


def _packed(rng, reviews, settings, shortest):
    """Texts of up to 8 words, numbers 2 to 11; word i has n-grams i and i + 1."""
    from gluonattn.data.packed import Packed

    lengths = rng.integers(shortest, 9, size=reviews)
    ids = np.array([*range(12), 0], np.int32)
    return Packed(rng.integers(2, 12, size=lengths.sum()).astype(np.int32), np.cumsum(lengths) - lengths, lengths, ids,
                  np.stack([ids, ids + (ids > 0)], 1) if settings.ngrams else None, padding=1,
                  fixed=settings.max_length if settings.recipe == "post" else None,
                  evidence=rng.normal(size=(lengths.sum(), 6)).astype(np.float32) if settings.evidence else None)


@pytest.fixture(scope="session")
def reviews():
    """100 reviews of the bundled sample, both labels alike."""
    from gluonattn.data.reviews import read_reviews
    from gluonattn.data.sources import locate

    everything = read_reviews(locate("sample").train)
    by_label = [[i for i, label in enumerate(everything.labels) if label == wanted] for wanted in "01"]
    return everything.take(sorted(i for group in by_label for i in group[:50]))


@pytest.fixture(scope="session")
def table(reviews, tmp_path_factory):
    """The reviews as a TSV file."""
    path = tmp_path_factory.mktemp("data") / "reviews.tsv"
    pd.DataFrame({"text": reviews.texts, "label": reviews.labels}).to_csv(path, sep="\t", index=False)
    return path
