"""The site's search reads both languages: English by its stems, Korean by all pairs of neighbouring syllables.

A particle is joined to its noun (어텐션은, 어텐션을), so whole words as Sphinx splits them would find 어텐션 in few of its
places. Pairs of syllables find a word wherever it stands, as search engines for Korean do without a dictionary.
"""

from __future__ import annotations

import re

from sphinx.search.en import SearchEnglish

HANGUL = re.compile(r"[가-힣]+")


class KoreanAndEnglish(SearchEnglish):
    """Sphinx's English, and Hangul cut into pairs of syllables, on the page as in the question."""

    lang = "en"
    # `splitQuery` of Sphinx's searchtools.js splits at what is neither a letter nor a digit; this does so, too.
    js_splitter_code = """
var splitQuery = (query) => query.split(/[^\\p{Letter}\\p{Number}_]+/gu).filter(Boolean).flatMap((word) =>
  (word.match(/[가-힣]+|[^가-힣]+/gu) || []).flatMap((run) => !/[가-힣]/.test(run) || run.length < 3 ? [run]
    : Array.from({length: run.length - 1}, (_, i) => run.slice(i, i + 2))));
"""

    def split(self, input: str) -> list[str]:
        words: list[str] = []
        for word in super().split(input):
            words += HANGUL.sub(" ", word).split()
            for run in HANGUL.findall(word):
                words += [run] if len(run) < 3 else [run[i:i + 2] for i in range(len(run) - 1)]
        return words

    def word_filter(self, word: str) -> bool:
        return bool(HANGUL.fullmatch(word)) or super().word_filter(word)
