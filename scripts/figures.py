"""Write docs/figures.json and the figures in the READMEs, the site's first pages and docs/results.md, or list differences.

    python scripts/figures.py            # computes the quick figures, copies the others, writes JSON and pages
    python scripts/figures.py --check    # writes nothing; exit code 1 if a file would change

Figures that take hours to compute are written below, with the command that printed them. To add a model to the table of the
READMEs, add an entry to `MODELS`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
JSON = ROOT / "docs" / "figures.json"
INDEX = {"en": ROOT / "docs" / "index.md", "ko": ROOT / "docs" / "ko" / "index.md"}
RESULTS = {"en": ROOT / "docs" / "results.md", "ko": ROOT / "docs" / "ko" / "results.md"}
READMES = {"en": ROOT / "README.md", "ko": ROOT / "README.ko.md"}
SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"
CARD = ROOT / "gluonattn" / "pretrained" / "nsmc" / "README.md"
TRAIN = "gluonattn train --data nsmc {} --validation 0.05 --workers 1 --seed N, then gluonattn evaluate"
ACCURACY = ("python scripts/benchmark_accuracy.py --peers word-lr,char-svm,fasttext,ngrams,default,post --seeds 1")

# One row of the table each: names, seeds, accuracy on NSMC's test set with its 95 % interval (one seed) or the range of
# its seeds, and the command that printed them. "faithfulness": [mean, low, high] is the normalised AOPC of the model's
# attention, where it was measured (FAITHFULNESS printed it).
FAITHFULNESS = ("python scripts/faithfulness.py gluonattn/pretrained/nsmc runs/bert --compare --max-length 64 --data nsmc "
                "--reviews 200")
MODELS: list[dict[str, Any]] = [
    {"en": "fastText, 1-2 words and 1-4 characters", "ko": "fastText, 낱말 1~2개와 글자 1~4개", "seeds": 1,
     "accuracy": 0.8650, "range": [0.8620, 0.8678], "command": ACCURACY},
    {"en": "TF-IDF of 1-4 characters, linear SVM", "ko": "글자 1~4-그램 TF-IDF, 선형 SVM", "seeds": 1,
     "accuracy": 0.8761, "range": [0.8732, 0.8788], "command": ACCURACY},
    {"en": "the GluonNLP post's recipe, 3 epochs", "ko": "GluonNLP 글의 모델, 3 에폭", "seeds": 1,
     "accuracy": 0.8568, "range": [0.8538, 0.8598], "command": ACCURACY},
    {"en": "BERT of 4 layers, width 128, nothing pretrained", "ko": "BERT(4층, 너비 128, 사전 학습 없음)", "seeds": 1,
     "accuracy": 0.8468, "range": [0.8437, 0.8500], "faithfulness": [0.538, 0.50, 0.58],
     "command": "python scripts/train_bert.py --data nsmc --masked 0 --epochs 2 --out runs/bert, then python "
                "scripts/compare_models.py gluonattn/pretrained/nsmc runs/bert --data nsmc; faithfulness: " + FAITHFULNESS},
    {"en": "Bi-GRU + attention (`mlp`), the default", "ko": "Bi-GRU + 어텐션(`mlp`), 기본 설정", "seeds": 3,
     "accuracy": 0.8694, "range": [0.8684, 0.8710],
     "command": "python scripts/train.py --data nsmc --cell mlp --seeds 3 --workers 1"},
    {"en": "the same with `--evidence`", "ko": "`--evidence`를 더한 것", "seeds": 3,
     "accuracy": 0.8886, "range": [0.8883, 0.8890], "command": TRAIN.format("--evidence")},
]
# The tables of speed in docs/results.md, and the sentence of the READMEs: each ratio with its range over the repeats.
SPEED = {
    "training": [
        {"en": "default recipe, `mlp` cell, two processes", "ko": "기본 설정, `mlp` 셀, 프로세스 둘",
         "cells": [10891, [3.57, 3.12, 4.0], [2.79, 2.49, 2.87]]},
        {"en": "with n-grams (their SVM is fitted before)", "ko": "n-그램도 읽음 (SVM은 먼저 맞춤)",
         "cells": [8664, [2.57, 2.5, 3.36], [2.14, 1.95, 2.27]]},
        {"en": "PyTorch (the default recipe's network)", "ko": "PyTorch (기본 설정의 신경망)",
         "cells": [4049, [1.28, 1.12, 1.61], 1]},
        {"en": "the post's loop", "ko": "원래 글의 루프",
         "cells": [2975, 1, [0.78, 0.62, 0.89]]},
    ],
    "prediction": [
        {"en": "`onnx`", "ko": "`onnx`",
         "cells": [7435, [1.79, 1.38, 2.53], 1.12, 1.79]},
        {"en": "`numpy` (the base installation)", "ko": "`numpy` (기본 설치)",
         "cells": [6591, [1.74, 1.56, 1.99], 1.3, 2.09]},
        {"en": "`mxnet`", "ko": "`mxnet`",
         "cells": [5095, [1.37, 1.08, 1.6], 5.2, 7.44]},
        {"en": "`torch`", "ko": "`torch`",
         "cells": [3639, [0.99, 0.88, 1.24], 2.66, 4.37]},
        {"en": "PyTorch", "ko": "PyTorch",
         "cells": [3968, 1, 3.37, 7.12]},
        {"en": "scikit-learn's TF-IDF and linear SVM (no weights)", "ko": "scikit-learn의 TF-IDF와 선형 SVM (가중치 없음)",
         "cells": [12246, [3.4, 2.91, 3.95], 1.4, 2.2]},
    ],
}
SPEED_HEADS = {
    "training": {"en": ["training, 30,000 reviews", "reviews a second", "against the post's loop", "against PyTorch"],
                 "ko": ["학습, 리뷰 3만 건", "초당 리뷰", "원래 글 대비", "PyTorch 대비"]},
    "prediction": {"en": ["prediction by the bundled model, raw text in, weights computed", "reviews a second",
                          "against PyTorch", "one sentence, warm: median", "99th percentile"],
                   "ko": ["내장 모델의 예측 (글을 넣어 가중치까지)", "초당 리뷰", "PyTorch 대비", "한 문장: 중앙값",
                          "99 백분위"]},
}
SPEED_COMMAND = "python scripts/benchmark_speed.py --parts predict,sentence,train --model gluonattn/pretrained/nsmc"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file would change")
    arguments = parser.parse_args()
    figures = {"sentence": explained(), "models": [*MODELS, bundled()],
               "speed": {name: {"command": SPEED_COMMAND, "rows": rows} for name, rows in SPEED.items()}}
    wanted = {JSON: json.dumps(figures, ensure_ascii=False, indent=1) + "\n"}
    for language in READMES:
        for path, parts in ((READMES[language], IN_README), (INDEX[language], {"sentence": sentence}),
                            (RESULTS[language], IN_RESULTS)):
            wanted[path] = filled(path, parts, figures, language)
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if not arguments.check:
            path.write_text(wanted[path], encoding="utf-8")
        print("differs" if arguments.check else "wrote", path.relative_to(ROOT))
    sys.exit(1 if stale and arguments.check else 0)


def explained() -> dict[str, Any]:
    """What the command at the top of the READMEs says of its sentence."""
    import gluonattn

    record = gluonattn.load(engine="numpy").explain(SENTENCE, method="default")
    assert record.prediction is not None
    honesty = record.source["explanation"]["honesty"]
    return {"label": record.label_name(record.prediction.label), "command": f'gluonattn explain "{SENTENCE}"',
            **{name: round(100 * number, 1) for name, number in (
                ("sure", max(record.prediction.probabilities.values())), ("without_top", honesty["after"]))}}


def bundled() -> dict[str, Any]:
    """The bundled model's row, from the card that `scripts/ship_model.py` wrote."""
    card = CARD.read_text(encoding="utf-8")
    found = re.search(r"\| this model \| ([\d.]+) \(([\d.]+) to ([\d.]+)\)", card)
    assert found, f"{CARD} has no row 'this model'"
    mean, low, high = found.groups()
    return {"en": "the bundled model: evidence, and the crawl's texts and stars",
            "ko": "내장 모델: 크롤링 데이터의 글과 별점까지 읽음", "seeds": 1, "accuracy": float(mean),
            "range": [float(low), float(high)], "faithfulness": [0.557, 0.522, 0.592],
            "command": "python scripts/ship_model.py; faithfulness: " + FAITHFULNESS}


def filled(path: Path, parts: dict[str, Any], figures: dict[str, Any], language: str) -> str:
    """A page with what stands between its marks written anew."""
    text = path.read_text(encoding="utf-8")
    for name, write in parts.items():
        said = write(figures, language)
        text, found = re.subn(rf"(<!-- figures: {name} -->\n).*?(<!-- end -->)",
                              lambda part, said=said: f"{part[1]}{said}\n{part[2]}", text, flags=re.S)
        if found != 1:
            raise SystemExit(f"{path.relative_to(ROOT)}: expected one <!-- figures: {name} --> ... <!-- end -->: {found}")
    return text


def sentence(figures: dict[str, Any], language: str) -> str:
    one = figures["sentence"]
    if language == "en":
        return (f"The bundled model is {one['sure']} % sure that this film review is negative. Without the three most "
                f"decisive words it is {one['without_top']} % sure.")
    return (f"내장 모델은 이 영화 리뷰를 {one['sure']} % 확률로 부정이라고 봅니다. 판단에 가장 크게 작용한 "
            f"낱말 세 개를 빼면 {one['without_top']} %로 떨어집니다.")


HEADS = {"en": ("NSMC, 49,997 test reviews", "seeds", "accuracy (95 % interval, or range of seeds)",
                "faithfulness of attention, normalised"),
         "ko": ("NSMC 테스트 리뷰 49,997건", "시드", "정확도(95 % 구간, 또는 시드별 범위)", "어텐션의 충실도(정규화)")}


def models(figures: dict[str, Any], language: str) -> str:
    """The table of models; its last column is there once a model has such a figure."""
    columns = 4 if any(model.get("faithfulness") for model in figures["models"]) else 3
    rows = [HEADS[language][:columns], ["---"] * columns]
    for model in figures["models"]:
        faithfulness = model.get("faithfulness")
        rows.append([model[language], str(model["seeds"]), spelled(model["accuracy"], model["range"], 4, language),
                     spelled(faithfulness[0], faithfulness[1:], 2, language) if faithfulness else "-"][:columns])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def speed(figures: dict[str, Any], language: str) -> str:
    default = figures["speed"]["training"]["rows"][0]["cells"][1]
    [numpy] = [row["cells"][1] for row in figures["speed"]["prediction"]["rows"] if row["en"].startswith("`numpy`")]
    train, predict = (spelled(ratio[0], ratio[1:], 2, language) for ratio in (default, numpy))
    if language == "en":
        return (f"On two cores, training is {train} times as fast as the post's loop. Prediction with numpy alone is "
                f"{predict} times as fast as the same model in PyTorch.")
    return (f"코어 두 개에서 학습은 원래 글의 코드보다 {train}배 빠르고, numpy만 쓰는 예측은 같은 모델을 PyTorch로 "
            f"돌릴 때보다 {predict}배 빠릅니다.")


def speed_table(name: str, figures: dict[str, Any], language: str) -> str:
    """A table of results.md: reviews a second, ratios, and milliseconds where they are asked for."""
    head = SPEED_HEADS[name][language]
    rows = [head, ["---"] * len(head)]
    for row in figures["speed"][name]["rows"]:
        rate, *rest = row["cells"]
        rows.append([row[language], f"{rate:,}", *(
            spelled(cell[0], cell[1:], 2, language) if isinstance(cell, list) else
            f"{cell:.2f} ms" if isinstance(cell, float) else str(cell) for cell in rest)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def spelled(mean: float, ends: list[float], digits: int, language: str) -> str:
    low, high = (f"{end:.{digits}f}" for end in ends)
    return f"{mean:.{digits}f} ({low}{' to ' if language == 'en' else '~'}{high})"


IN_README = {"sentence": sentence, "models": models, "speed": speed}
IN_RESULTS = {"training": partial(speed_table, "training"), "prediction": partial(speed_table, "prediction")}

if __name__ == "__main__":
    main()
