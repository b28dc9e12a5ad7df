"""Settings of a run of pronunciation."""

import pytest

from gluonattn.errors import OptionError
from gluonattn.pronunciation.settings import PronunciationSettings
from gluonattn.training.settings import SMALL


@pytest.mark.parametrize(("words", "expected"), [
    (SMALL, dict(epochs=12, batch_size=64, learning_rate=2e-3, schedule="cosine", label_smoothing=0.0, warmup=0.05)),
    (SMALL - 1, dict(epochs=60, batch_size=64, workers=1)),
])
def test_what_is_open_suits_the_words(words, expected):
    resolved = PronunciationSettings().resolve(words)
    assert {name: getattr(resolved, name) for name in expected} == expected
    assert resolved.resolve(words) == resolved
    assert (resolved.extra_epochs, resolved.word_dropout) == (0, 0.0)


@pytest.mark.parametrize("name", ["cell", "tokenizer", "ngrams", "validation"])
def test_what_means_nothing_here_is_no_setting(name):
    with pytest.raises(OptionError, match=f"'{name}' is not a setting: expected one of recipe, epochs"):
        PronunciationSettings.take(None, {name: 1})
    with pytest.raises(OptionError, match="unknown recipe 'post'"):
        PronunciationSettings(recipe="post")
