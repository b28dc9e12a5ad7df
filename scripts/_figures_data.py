"""The figures that take long to compute, each with the command that printed it. `figures.py` writes pages from them.

To add a model to the table of the READMEs, add an entry to `MODELS`. To add a table to a page, add one to `TABLES` and
put `<!-- figures: NAME -->` and `<!-- end -->` where it stands, in English and, where there is such a page, in Korean.

A table has the page it is on, the command, its columns and its rows. A column has a head and the form of its figures.
A cell is a figure or a list of them, written in the form of its column; a text; a text in each language; None, where
nothing was measured; or a form of its own with its figures. "card" names figures that are read from the bundled
model's card. Where the languages differ, heads, texts and forms are dictionaries.
"""

from __future__ import annotations

from typing import Any


def ranged(digits: int) -> dict[str, str]:
    """The form of a figure with the ends of its interval."""
    one = f"{{:.{digits}f}}"
    return {"en": f"{one} ({one} to {one})", "ko": f"{one} ({one}~{one})"}


def measured(mean: float, low: float, high: float) -> dict[str, Any]:
    return {"accuracy": mean, "range": [low, high]}


# Accuracy on NSMC's test set with its 95 % interval (one seed), or with the range of three seeds.
FASTTEXT = [0.8650, 0.8620, 0.8678]
CHAR_SVM = [0.8761, 0.8732, 0.8788]
POST = [0.8568, 0.8538, 0.8598]
DEFAULT = [0.8694, 0.8684, 0.8710]
WITH_EVIDENCE = [0.8886, 0.8883, 0.8890]

TRAIN = "gluonattn train --data nsmc {} --validation 0.05 --workers 1 --seed {}"
SEEDS = "python scripts/train.py --data nsmc --cell {} --seeds 3 --workers 1"
ACCURACY = "python scripts/benchmark_accuracy.py --peers word-lr,char-svm,fasttext,ngrams,default,post --seeds 1"
FAITHFULNESS = ("python scripts/faithfulness.py gluonattn/pretrained/nsmc runs/bert --compare --max-length 64 --data nsmc "
                "--reviews 200")
SPEED = "python scripts/benchmark_speed.py --parts predict,sentence,train --model gluonattn/pretrained/nsmc"

# One row of the READMEs' table each. "faithfulness": [mean, low, high] is the normalised AOPC of the model's attention,
# where it was measured (FAITHFULNESS printed it).
MODELS: list[dict[str, Any]] = [
    {"en": "fastText, 1-2 words and 1-4 characters", "ko": "fastText, 낱말 1~2개와 글자 1~4개", "seeds": 1,
     **measured(*FASTTEXT), "command": ACCURACY},
    {"en": "TF-IDF of 1-4 characters, linear SVM", "ko": "글자 1~4-그램 TF-IDF, 선형 SVM", "seeds": 1,
     **measured(*CHAR_SVM), "command": ACCURACY},
    {"en": "the GluonNLP post's recipe, 3 epochs", "ko": "GluonNLP 글의 모델, 3 에폭", "seeds": 1,
     **measured(*POST), "command": ACCURACY},
    {"en": "BERT of 4 layers, width 128, nothing pretrained", "ko": "BERT(4층, 너비 128, 사전 학습 없음)", "seeds": 1,
     **measured(0.8468, 0.8437, 0.8500), "faithfulness": [0.538, 0.50, 0.58],
     "command": "python scripts/train_bert.py --data nsmc --masked 0 --epochs 2 --out runs/bert, then python "
                "scripts/compare_models.py gluonattn/pretrained/nsmc runs/bert --data nsmc; faithfulness: " + FAITHFULNESS},
    {"en": "Bi-GRU + attention (`mlp`), the default", "ko": "Bi-GRU + 어텐션(`mlp`), 기본 설정", "seeds": 3,
     **measured(*DEFAULT), "command": SEEDS.format("mlp")},
    {"en": "the same with `--evidence`", "ko": "`--evidence`를 더한 것", "seeds": 3,
     **measured(*WITH_EVIDENCE), "command": TRAIN.format("--evidence", "N") + ", then gluonattn evaluate"},
]
BUNDLED = {"en": "the bundled model: evidence, and the crawl's texts and stars",
           "ko": "내장 모델: 크롤링 데이터의 글과 별점까지 읽음", "seeds": 1, "faithfulness": [0.557, 0.522, 0.592],
           "command": "python scripts/ship_model.py; faithfulness: " + FAITHFULNESS}


def trained(options: str, seed: str = "N") -> dict[str, str]:
    """The cell with the commands that trained and evaluated a model."""
    return {"en": f"`{TRAIN.format(options, seed)}`, then `evaluate`",
            "ko": f"`{TRAIN.format(options, seed)}`, 이어서 `evaluate`"}


LANGUAGE_MODEL = {"en": "; `runs/words` is a language model that a GPU trained ([how](experiments.md#the-bundled-model))",
                  "ko": ". `runs/words`는 GPU로 학습한 언어 모델입니다([방법](../experiments.md#the-bundled-model))"}
OF_SEEDS = {"en": "{:.4f} (seeds from {:.4f} to {:.4f})", "ko": "{:.4f} (시드별 {:.4f}~{:.4f})"}
SHIPPED = {"en": "{:.4f} ({:.4f} as it is shipped: its tables were cut to 8 bits)",
           "ko": "{:.4f} (표를 8비트로 줄여 배포한 모델은 {:.4f})"}
STARS = trained("--evidence --pretrain runs/words --extra crawl.tsv.gz", "0")

TABLES: dict[str, dict[str, Any]] = {
    "accuracy": {
        "page": "results", "command": "each row's own",
        "columns": [[{"en": "model", "ko": "모델"}], [{"en": "seeds", "ko": "시드"}],
                    [{"en": "test accuracy", "ko": "테스트 정확도"}, OF_SEEDS], [{"en": "printed by", "ko": "명령"}]],
        "rows": [
            [{"en": "default recipe, `mlp` cell", "ko": "기본 설정, `mlp` 셀"}, 3, DEFAULT, f"`{SEEDS.format('mlp')}`"],
            [{"en": "default recipe, `dot` cell", "ko": "기본 설정, `dot` 셀"}, 3, [0.8688, 0.8679, 0.8698],
             f"`{SEEDS.format('dot')}`"],
            [{"en": "the post's model, 3 epochs", "ko": "원래 글의 모델, 3 에폭"}, 1,
             {"form": "{:.4f}", "figures": [0.8556]}, "`python scripts/post.py`"],
            [{"en": "with n-grams, `mlp` cell", "ko": "n-그램도 읽는 모델, `mlp` 셀"}, 3, [0.8886, 0.8885, 0.8888],
             trained("--ngrams")],
            [{"en": "with evidence, `mlp` cell", "ko": "근거(evidence)를 읽는 모델, `mlp` 셀"}, 3, WITH_EVIDENCE,
             trained("--evidence")],
            [{"en": "with evidence and the crawl's texts, `mlp` cell",
              "ko": "근거를 읽고 나머지 크롤링 데이터의 글로 먼저 배운 모델, `mlp` 셀"}, 1,
             {"form": "{:.4f}", "figures": [0.8909]}, trained("--evidence --pretrain crawl.tsv.gz", "0")],
            [{"en": "with evidence, the crawl's texts and its stars, `mlp` cell: the bundled model",
              "ko": "근거를 읽고 나머지 크롤링 데이터의 글과 별점까지 배운 모델, `mlp` 셀: 내장 모델"}, 1,
             {"form": SHIPPED, "card": ["before", "accuracy"]},
             {one: text + LANGUAGE_MODEL[one] for one, text in STARS.items()}],
            [{"en": "with n-grams and the crawl, `mlp` cell",
              "ko": "n-그램과 나머지 크롤링 데이터(별점)까지 읽는 모델, `mlp` 셀"}, 3, [0.8942, 0.8939, 0.8946],
             trained("--ngrams --extra crawl.tsv.gz --epochs 2")],
        ]},
    "peers": {
        "page": "results", "command": ACCURACY,
        "columns": [[{"en": "model", "ko": "모델"}],
                    [{"en": "accuracy (95 % interval)", "ko": "정확도 (95 % 구간)"}, ranged(4)],
                    [{"en": "unseen", "ko": "처음 보는 글"}, "{:.4f}"], ["macro F1", "{:.4f}"],
                    [{"en": "calibration error", "ko": "보정 오차"}, "{:.4f}"],
                    [{"en": "training", "ko": "학습 시간"}, {"en": "{} s", "ko": "{}초"}],
                    [{"en": "size", "ko": "크기"}, "{} MB"]],
        "rows": [
            [{"en": MODELS[0]["en"], "ko": MODELS[0]["ko"]}, FASTTEXT, 0.8640, 0.8649, 0.0414, 13, 116.1],
            [{"en": "the post's recipe, 3 epochs", "ko": "원래 글의 모델, 3 에폭"}, POST, 0.8560, 0.8568, 0.0185, 210, 10.8],
            [{"en": "Bi-GRU + attention, default recipe (seed 0)", "ko": "Bi-GRU + 어텐션, 기본 설정 (시드 0)"},
             [0.8684, 0.8654, 0.8712], 0.8676, 0.8683, 0.0296, 149, 5.7],
            [{"en": "TF-IDF of 1-2 morphemes, logistic regression", "ko": "형태소 1~2-그램 TF-IDF, 로지스틱 회귀"},
             [0.8734, 0.8705, 0.8762], 0.8727, 0.8734, 0.0154, 25, 3.1],
            [{"en": MODELS[1]["en"], "ko": MODELS[1]["ko"]}, CHAR_SVM, 0.8755, 0.8761, 0.0075, 35, 11.4],
            [{"en": "Bi-GRU + attention with n-grams (seed 0)", "ko": "n-그램도 읽는 Bi-GRU + 어텐션 (시드 0)"},
             [0.8885, 0.8857, 0.8911], 0.8884, 0.8885, 0.0079, 145, 22.6],
            [{"en": "the bundled model (crawl too; [its card](../gluonattn/pretrained/nsmc/README.md), not trained in this "
                    "run)",
              "ko": "내장 모델 (크롤링 데이터도 읽음, 이 실행에서 학습하지 않음. "
                    "[모델 카드](../../gluonattn/pretrained/nsmc/README.md)의 값)"},
             {"card": ["accuracy", "low", "high"]}, {"card": ["unseen"]}, {"card": ["f1"]}, {"card": ["calibration"]}, None,
             {"card": ["size"]}],
        ]},
    # Each ratio with its range over the repeats. The sentence of the READMEs is made of these two tables.
    "training": {
        "page": "results", "command": SPEED,
        "columns": [[{"en": "training, 30,000 reviews", "ko": "학습, 리뷰 3만 건"}],
                    [{"en": "reviews a second", "ko": "초당 리뷰"}, "{:,}"],
                    [{"en": "against the post's loop", "ko": "원래 글 대비"}, ranged(2)],
                    [{"en": "against PyTorch", "ko": "PyTorch 대비"}, ranged(2)]],
        "rows": [
            [{"en": "default recipe, `mlp` cell, two processes", "ko": "기본 설정, `mlp` 셀, 프로세스 둘"},
             10891, [3.57, 3.12, 4.0], [2.79, 2.49, 2.87]],
            [{"en": "with n-grams (their SVM is fitted before)", "ko": "n-그램도 읽음 (SVM은 먼저 맞춤)"},
             8664, [2.57, 2.5, 3.36], [2.14, 1.95, 2.27]],
            [{"en": "PyTorch (the default recipe's network)", "ko": "PyTorch (기본 설정의 신경망)"},
             4049, [1.28, 1.12, 1.61], "1"],
            [{"en": "the post's loop", "ko": "원래 글의 루프"}, 2975, "1", [0.78, 0.62, 0.89]],
        ]},
    "prediction": {
        "page": "results", "command": SPEED,
        "columns": [[{"en": "prediction by the bundled model, raw text in, weights computed",
                      "ko": "내장 모델의 예측 (글을 넣어 가중치까지)"}],
                    [{"en": "reviews a second", "ko": "초당 리뷰"}, "{:,}"],
                    [{"en": "against PyTorch", "ko": "PyTorch 대비"}, ranged(2)],
                    [{"en": "one sentence, warm: median", "ko": "한 문장: 중앙값"}, "{:.2f} ms"],
                    [{"en": "99th percentile", "ko": "99 백분위"}, "{:.2f} ms"]],
        "rows": [
            ["`onnx`", 7435, [1.79, 1.38, 2.53], 1.12, 1.79],
            [{"en": "`numpy` (the base installation)", "ko": "`numpy` (기본 설치)"}, 6591, [1.74, 1.56, 1.99], 1.3, 2.09],
            ["`mxnet`", 5095, [1.37, 1.08, 1.6], 5.2, 7.44],
            ["`torch`", 3639, [0.99, 0.88, 1.24], 2.66, 4.37],
            ["PyTorch", 3968, "1", 3.37, 7.12],
            [{"en": "scikit-learn's TF-IDF and linear SVM (no weights)",
              "ko": "scikit-learn의 TF-IDF와 선형 SVM (가중치 없음)"},
             12246, [3.4, 2.91, 3.95], 1.4, 2.2],
        ]},
    "cells": {
        "page": "results",
        "command": "gluonattn compare --data FOLDER --cells mlp,dot,scaled-dot,general,multi-head,none,uniform --seeds 3 "
                   "--workers 1 --epochs 3 --explained 200",
        "columns": [[{"en": "cell", "ko": "셀"}], [{"en": "accuracy (95 %)", "ko": "정확도 (95 %)"}, ranged(4)],
                    [{"en": "normalised AOPC: attention", "ko": "정규화 AOPC: 어텐션"}, ranged(3)],
                    [{"en": "integrated gradients", "ko": "integrated-gradients"}, ranged(3)],
                    [{"en": "change of the probability with shuffled weights", "ko": "가중치를 섞었을 때 확률의 변화"},
                     "{:.3f}"]],
        "rows": [
            ["`mlp`", [0.8376, 0.8339, 0.8415], [0.600, 0.520, 0.673], [0.991, 0.988, 0.994], 0.026],
            ["`dot`", [0.8376, 0.8343, 0.8409], [0.681, 0.655, 0.705], [0.985, 0.979, 0.989], 0.024],
            ["`scaled-dot`", [0.8347, 0.8315, 0.8379], [0.739, 0.686, 0.791], [0.990, 0.981, 0.998], 0.004],
            ["`general`", [0.8364, 0.8323, 0.8408], [0.445, 0.406, 0.485], [0.986, 0.984, 0.988], 0.023],
            ["`multi-head`", [0.8364, 0.8331, 0.8396], [0.494, 0.327, 0.627], [0.984, 0.979, 0.989], 0.024],
            ["`none`", [0.8376, 0.8337, 0.8415], [0.477, 0.447, 0.505], [0.986, 0.981, 0.991], 0.016],
            ["`uniform`", [0.8356, 0.8325, 0.8387], [0.378, 0.346, 0.410], [0.989, 0.980, 0.995], 0.000],
        ]},
    "threads": {
        "page": "performance", "command": "by hand: one epoch of the default recipe with each setting; no script was kept",
        "columns": [["setting"], ["idle machine", "{:,}"], ["beside one busy process", "{:,}"]],
        "rows": [
            ["`OMP_WAIT_POLICY=PASSIVE` (never spin)", {"form": "{:,} to {:,}", "figures": [1900, 2000]}, 1540],
            ["`GOMP_SPINCOUNT=500` (the package's choice)", 2360, 1300],
            ["`GOMP_SPINCOUNT=2000`", 2400, 860],
            ["`GOMP_SPINCOUNT=20000`", 2720, 420],
            ["`OMP_WAIT_POLICY=ACTIVE`", 2910, 780],
            ["one thread", 1950, 1800],
        ]},
    "explaining": {
        "page": "performance", "command": "python scripts/compare_explain.py CHECKOUT (of bfe6b5b), also with --source",
        "columns": [["method"], ["before, median (mean)", "{} ({}) ms"], ["now", "{} ({})"],
                    ["now, with `source` read (before, in the same run)", "{} ({}), {} ({}) before"]],
        "rows": [
            ["default (integrated gradients)", [50.2, 83.2], [23.0, 37.2], [25.8, 39.1, 48.1, 79.9]],
            ["leave-one-out", [37.9, 57.8], [14.8, 23.2], [16.1, 25.6, 29.8, 48.7]],
        ]},
    "predicting": {
        "page": "performance",
        "command": "python scripts/benchmark_prediction.py ../before --data nsmc --texts 4000 (before: eef5717)",
        "columns": [["engine"], ["before", "{:.3f} ms"], ["now", "{:.3f} ms"], ["ratio of each turn", ranged(2)]],
        "rows": [
            ["onnx", 0.509, 0.402, [1.27, 1.19, 1.29]],
            ["numpy", 0.993, 0.926, {"form": ranged(2)["en"] + ": not distinguishable from noise",
                                     "figures": [1.05, 0.86, 1.38]}],
        ]},
    "serving": {
        "page": "performance",
        "command": "python scripts/benchmark_serving.py --tool wrk --clients 64 --seconds 15 --rounds 2 --engine numpy",
        "columns": [["measurement"], ["plain FastAPI"], ["gluonattn serve", ranged(1)]],
        "rows": [
            ["predictions a second", 1, [8.2, 7.3, 9.1]],
            ["processor time of a prediction", 1, {"form": "1 / {} ({} ms)", "figures": [6.8, 0.79]}],
            ["predictions not answered with 200", 0, {"form": "{}", "figures": [0]}],
        ]},
    "requests": {
        "page": "performance",
        "command": "python scripts/benchmark_serving.py --before CHECKOUT --clients 64 --seconds 8 --rounds 5 --paths "
                   "/v1/predict --engine numpy",
        "columns": [["measurement"], ["before"], ["now", ranged(2)]],
        "rows": [
            ["processor time of a prediction", {"form": "{} ms", "figures": [1.17]},
             {"form": "{} ms (median of the rounds' ratios: {:.2f} times less)", "figures": [0.92, 1.10]}],
            ["predictions a second, with aiohttp as the client", 1, [1.15, 1.05, 2.19]],
            ["predictions not answered with 200", 0, {"form": "{}", "figures": [0]}],
        ]},
    "published": {
        "page": "serving", "command": "python scripts/check_published.py runs/web site --reviews ratings_test.txt",
        "columns": [["measurement"], ["result", "differ by at most {}"]],
        "rows": [
            ["10,000 test reviews of NSMC, probabilities", 1.5e-07],
            ["weights and scores of 100 explanations", 2.6e-06],
            ["size of the folder for a syllable model with evidence (Bi-GRU 64, one epoch: 0.879 on validation)",
             {"form": "{} MB, and {} MB of font for systems without Hangul", "figures": [9.5, 4.3]}],
            ["processor time in Node, 35 characters, 28 tokens (Bi-GRU 64)",
             {"form": "prediction {} ms, first stage {} ms, whole answer {} ms", "figures": [2.4, 1.9, 19.7]}],
            ["processor time in Node, 100 characters, 79 tokens (Bi-GRU 64)",
             {"form": "prediction {} ms, first stage {} ms, whole answer {} ms", "figures": [2.8, 3.8, 132.9]}],
            ["processor time in Node, 150 characters, 118 tokens (Bi-GRU 64)",
             {"form": "prediction {} ms, first stage {} ms, whole answer {} ms", "figures": [5.3, 8.5, 448.4]}],
            ["processor time in Node, 500 characters, 397 tokens (Bi-GRU 64)",
             {"form": "prediction {} ms, first stage {} ms, whole answer {} ms", "figures": [27.9, 96.1, 74.5]}],
        ]},
}
