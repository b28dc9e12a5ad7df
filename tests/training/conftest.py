"""A small run on made-up ids, and a small set of real reviews."""

import numpy as np
import pytest

TINY = dict(epochs=2, batch_size=8, tokenizer="whitespace", device="cpu",
            model={"embed_size": 6, "hidden_size": 4, "units": 3})


@pytest.fixture
def make_run():
    """``make_run(**settings)`` gives a fresh Run whose label is the first word of each text."""
    from gluonattn.models.classifier import build
    from gluonattn.runtime import mx, seed_everything
    from gluonattn.training.loop import Run
    from gluonattn.training.settings import Settings

    def make(reviews=50, **options):
        settings = Settings(**{**TINY, **options}).resolve(reviews)
        rng = np.random.default_rng(0)
        ids = [rng.integers(2, 12, size=rng.integers(1, 9)).astype("int32") for _ in range(reviews)]
        labels = [int(i[0] > 6) for i in ids]
        seed_everything(settings.seed)
        model = build(settings.recipe, vocab_size=12, cell=settings.cell, **settings.model)
        model.initialize(mx.init.Xavier())
        model.hybridize(static_alloc=True)
        part = (ids[10:], labels[10:]), (ids[:10], labels[:10])
        run = Run(model, settings, *part, padding=1, unknown=0, device=mx.cpu())
        model(*run.batchify([ids[0]]))
        return run

    return make


@pytest.fixture(scope="session")
def reviews():
    """100 reviews of the bundled sample, both labels alike."""
    from gluonattn.data.reviews import read_reviews
    from gluonattn.data.sources import locate

    everything = read_reviews(locate("sample").train)
    by_label = [[i for i, label in enumerate(everything.labels) if label == wanted] for wanted in "01"]
    return everything.take(sorted(i for group in by_label for i in group[:50]))
