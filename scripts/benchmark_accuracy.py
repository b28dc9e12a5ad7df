"""Compare this package's classifier with other models on NSMC, all trained in this run on the same split.

Only the bundled model is not trained here. Prints a table: accuracy with its 95 % bootstrap interval, accuracy without
the test reviews whose text is also in the training set, macro-F1, expected calibration error (15 bins), training
seconds, size and reviews predicted a second.

    gluonattn data nsmc && python scripts/benchmark_accuracy.py
    python scripts/benchmark_accuracy.py --peers word-lr,char-svm --seeds 1

The fastText model needs `pip install fasttext-wheel`.

The post's recipe and the recipes of this package keep a part of the training reviews for validation (a tenth, or with
n-grams or evidence a twentieth). The other models are fitted on all of them.
"""

import argparse
import json
import tempfile
import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import gluonattn
from gluonattn.data.sources import locate


def fit_word_lr(train, labels):
    """TF-IDF of 1-2 Mecab morphemes and logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    tfidf = TfidfVectorizer(analyzer="word", tokenizer=_morphemes, token_pattern=None, lowercase=False,
                            ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = make_pipeline(tfidf, LogisticRegression(C=4, solver="liblinear")).fit(train, labels)
    return lambda texts: model.predict_proba(texts)[:, 1], _sizes(model[0].idf_, model[1].coef_)


def fit_char_svm(train, labels):
    """TF-IDF of 1-4 characters and a linear SVM; its scores through a logistic curve (Platt 1999)."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    tfidf = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=2, sublinear_tf=True)
    cut = len(train) * 19 // 20  # the curve is fitted on what the SVM has not seen
    model = make_pipeline(tfidf, LinearSVC(C=0.3)).fit(train[:cut], labels[:cut])
    curve = LogisticRegression().fit(model.decision_function(train[cut:])[:, None], labels[cut:])
    return (lambda texts: curve.predict_proba(model.decision_function(texts)[:, None])[:, 1],
            _sizes(model[0].idf_, model[1].coef_))


def fit_fasttext(train, labels):
    """fastText (Joulin et al. 2017): mean of word and 2-gram vectors, hashed subwords of 1-4 characters."""
    import fasttext

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        path.write_text("".join(f"__label__{y} {_spaced(t)}\n" for t, y in zip(train, labels)),
                        encoding="utf-8")
        model = fasttext.train_supervised(str(path), dim=50, epoch=5, lr=0.3, wordNgrams=2, minn=1, maxn=4,
                                          bucket=500_000, minCount=2, thread=2, verbose=0)
        model.save_model(str(Path(folder) / "model.bin"))
        size = (Path(folder) / "model.bin").stat().st_size

    def predict(texts):
        names, shares = model.predict([_spaced(text) for text in texts], k=2)
        return np.array([dict(zip(*row))["__label__1"] for row in zip(names, shares)])

    return predict, size


def fit_gluonattn(**settings):
    """One of the package's recipes."""
    def fit(train, labels, seed=0):
        from gluonattn.data.reviews import Reviews

        folder = Path(tempfile.mkdtemp()) / "model"
        reviews = Reviews(list(train), [str(y) for y in labels], origin="NSMC")
        gluonattn.train(reviews, folder, seed=seed, **settings)
        model = gluonattn.load(folder)

        def predict(texts):
            return np.array([p.probabilities["1"] for p in model.predict(texts)])

        return predict, (folder / "model.safetensors").stat().st_size

    return fit


def fit_shipped(train, labels):
    """The bundled model; nothing is fitted."""
    model = gluonattn.load()
    return (lambda texts: np.array([p.probabilities["1"] for p in model.predict(texts)]),
            sum(file.stat().st_size for file in model.folder.iterdir()))


PEERS = {
    "word-lr": ("TF-IDF of 1-2 morphemes + logistic regression", fit_word_lr),
    "char-svm": ("TF-IDF of 1-4 characters + LinearSVC", fit_char_svm),
    "fasttext": ("fastText, words 1-2 and characters 1-4", fit_fasttext),
    "post": ("the post's recipe (3 epochs)", fit_gluonattn(recipe="post")),
    "default": ("Bi-GRU + attention, the default recipe", fit_gluonattn()),
    "evidence": ("Bi-GRU + attention that reads evidence of n-grams", fit_gluonattn(evidence=True, validation=0.05)),
    "ngrams": ("Bi-GRU + attention with n-grams", fit_gluonattn(ngrams=True, validation=0.05)),
    "shipped": ("the bundled model (trained before; its card says on what)", fit_shipped),
}
OURS = ("default", "evidence", "ngrams")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--peers", default=",".join(PEERS), help=f"of {', '.join(PEERS)}")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each recipe of this package (other models run once)")
    parser.add_argument("--data", default="nsmc", help="nsmc, or a folder with its files")
    parser.add_argument("--out", type=Path, help="also write the figures there, as JSON")
    arguments = parser.parse_args()
    peers = arguments.peers.split(",")
    if unknown := [name for name in peers if name not in PEERS]:
        parser.error(f"--peers are of {', '.join(PEERS)}; got {unknown[0]!r}")
    if "fasttext" in peers and find_spec("fasttext") is None:
        parser.error("the peer fasttext needs its library: pip install fasttext-wheel, or choose --peers without it")
    source = locate(arguments.data)
    train, test = gluonattn.read_reviews(source.train), gluonattn.read_reviews(source.test)
    known = set(train.texts)
    unseen = np.array([text not in known for text in test.texts])
    truth = np.array([int(label) for label in test.labels])
    print(f"{train}; {test}; {int((~unseen).sum()):,} test reviews stand in training too")
    rows = []
    for name in peers:
        for seed in range(arguments.seeds if name in OURS else 1):
            rows.append(measure(name, seed, train, test, truth, unseen))
            print(line(rows[-1]), flush=True)
    for name in OURS:
        ours = [row["accuracy"] for row in rows if row["peer"] == name]
        if len(ours) < 2:
            continue
        print(f"{name}: mean {np.mean(ours):.4f}, standard deviation {np.std(ours, ddof=1):.4f} over {len(ours)} seeds")
    if arguments.out:
        arguments.out.write_text(json.dumps(rows, indent=1))


def measure(name, seed, train, test, truth, unseen) -> dict:
    fit = PEERS[name][1]
    labels = [int(label) for label in train.labels]
    start = time.perf_counter()
    predict, size = fit(train.texts, labels, **({"seed": seed} if name in (*OURS, "post") else {}))
    seconds = time.perf_counter() - start
    predict(test.texts[:64])  # what is made on the first call is not timed
    start = time.perf_counter()
    shares = predict(test.texts)
    speed = len(test) / (time.perf_counter() - start)
    right = (shares > 0.5) == truth
    low, high = np.percentile(bootstrap(right), [2.5, 97.5])
    from sklearn.metrics import f1_score

    return {
        "peer": name, "seed": seed, "accuracy": float(right.mean()), "low": float(low), "high": float(high),
        "accuracy_unseen": float(right[unseen].mean()),
        "macro_f1": float(f1_score(truth, shares > 0.5, average="macro")), "ece": calibration_error(shares, truth),
        "seconds": seconds, "megabytes": size / 1e6, "reviews_per_second": speed,
    }


def line(row: dict) -> str:
    return (f"{PEERS[row['peer']][0]:58} {row['accuracy']:.4f} ({row['low']:.4f} to {row['high']:.4f})  unseen "
            f"{row['accuracy_unseen']:.4f}  F1 {row['macro_f1']:.4f}  ECE {row['ece']:.4f}  "
            f"{row['seconds']:6.0f} s  {row['megabytes']:6.1f} MB  {row['reviews_per_second']:7,.0f}/s")


def calibration_error(shares, truth, bins: int = 15) -> float:
    """Expected calibration error of the predicted class (Guo et al. 2017), equal-width bins."""
    confidence = np.maximum(shares, 1 - shares)
    right = (shares > 0.5) == truth
    place = np.minimum(((confidence - 0.5) * 2 * bins).astype(int), bins - 1)
    return float(sum(abs(right[place == b].mean() - confidence[place == b].mean()) * (place == b).mean()
                     for b in range(bins) if (place == b).any()))


def bootstrap(right, draws: int = 100_000):
    rng = np.random.default_rng(0)
    return rng.binomial(len(right), right.mean(), size=draws) / len(right)


@cache
def _mecab():
    return gluonattn.tokenizer("mecab")


def _morphemes(text):
    return [token.text for token in _mecab()(text)]


def _spaced(text):
    return " ".join(text.split())


def _sizes(*arrays) -> int:
    return sum(a.nbytes for a in arrays)


if __name__ == "__main__":
    main()
