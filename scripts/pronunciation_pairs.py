"""Write word pairs (spelling, pronunciation, causes) from the vocabulary of a corpus, split by lemma.

    python scripts/pronunciation_pairs.py                                          # the bundled sample
    python scripts/pronunciation_pairs.py --data nsmc --least 3 --out runs/pairs   # about half a minute

Writes train.tsv, valid.tsv and test.tsv. For each sound that changed, the column `causes` has its number among the sounds,
the rule, and the numbers of the letters that changed it: 3:nasalisation:4.
"""

import argparse
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from gluonattn.data.reviews import read_reviews
from gluonattn.data.sources import locate
from gluonattn.errors import GluonAttnError
from gluonattn.files import replace_file
from gluonattn.pronunciation.pairs import SPLITS, Pair, word_pairs

COLUMNS = ("spelling", "sounds", "kind", "lemma", "occurrences", "causes")


def row(pair: Pair) -> str:
    causes = [
        f"{number}:{change.rule}:{'+'.join(map(str, change.cause))}"
        for number, sound in enumerate(pair.said.jamo) for change in sound.changes
    ]
    return "\t".join([pair.spelling, pair.said.sounds, pair.kind, pair.lemma, str(pair.occurrences), " ".join(causes)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="sample", help="sample, nsmc, a folder with NSMC, or a table")
    parser.add_argument("--least", type=int, default=1, help="how often a word must occur in the texts")
    parser.add_argument("--seed", type=int, default=0, help="seed of the split")
    parser.add_argument("--out", type=Path, default=Path("runs/pairs"), help="folder to write")
    arguments = parser.parse_args()

    console = Console()
    try:
        texts = read_reviews(locate(arguments.data).train).texts
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task("words", total=None)
            sets = word_pairs(texts, min_count=arguments.least, seed=arguments.seed,
                              progress=lambda done, total: bar.update(task, completed=done, total=total))
    except GluonAttnError as error:
        raise SystemExit(f"error: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit("stopped; nothing was written.") from None
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in SPLITS:
        pairs = getattr(sets, name)
        lines = ["\t".join(COLUMNS), *map(row, pairs)]
        replace_file(arguments.out / f"{name}.tsv", ("\n".join(lines) + "\n").encode())
        kinds = ", ".join(f"{sum(p.kind == kind for p in pairs):,} {kind}" for kind in ("plain", "rules", "lexical"))
        console.print(f"{name}: {len(pairs):,} words ({kinds})", highlight=False)
    for reason, number in sets.left_out.most_common():
        console.print(f"left out: {number:,} {reason}", highlight=False)


if __name__ == "__main__":
    main()
