"""The text of the report on a corpus, in English and Korean; a name with ``_ro`` is one with its Korean particle."""

from __future__ import annotations

LANGUAGES = {"ko": "ko", "en": "en"}
TEXT: dict[str, dict[str, str]] = {
    "en": {
        "title": "What drives the model over {name}",
        "counted": "{texts} texts, explained with {method}. Scores are for the class that each text was given. Intervals "
                   "are 95% bootstrap intervals over texts.",
        "given": "Given {label}: {count} ({percent}%).",
        "calibration": "Is it as sure as it is right?",
        "accuracy": "Texts with a true label: {count}. Of these it is right on, in per cent: {accuracy}. On average "
                    "its confidence is {error} points from its accuracy (expected calibration error).",
        "untold": "The file has no true labels that the model knows, so errors and calibration are not shown.",
        "confidence": "confidence", "texts": "texts", "right": "right (%)", "word": "word", "score": "mean score",
        "sentences": "sentences", "show": "show {count}",
        "class": "Words behind {label}", "about_class": "All {count} texts that were given {label}.",
        "error": "Wrongly {label}, in truth {truth}", "about_error": "{count} texts: the words that led the model astray.",
        "none": "No word stands in at least {count} of these texts and speaks for the decision.",
        "how": "Words are sorted by the sum of their scores over the texts of a group. Up to {examples} sentences stand "
               "behind each word, those with the highest scores first; the word is underlined.",
        "said": "given {label} ({percent}%)", "truth": "in truth {truth}", "plus": "score {score}",
    },
    "ko": {
        "title": "{name}에서 모델의 판단을 이끈 말",
        "counted": "글 {texts}개를 {method_ro} 설명했습니다. 점수는 각 글이 받은 분류에 대한 값입니다. 구간은 글을 "
                   "다시 뽑아 얻은 95% 부트스트랩 구간입니다.",
        "given": "{label_ro} 분류한 글: {count}개({percent}%).",
        "calibration": "확신하는 만큼 맞히는가",
        "accuracy": "정답이 있는 글은 {count}개이고, 그 가운데 맞힌 비율(%)은 {accuracy}입니다. 확신과 정확도는 "
                    "평균 {error}%p 차이가 납니다(기대 보정 오차).",
        "untold": "파일에 모델이 아는 정답이 없어서 오류와 보정은 나오지 않습니다.",
        "confidence": "확신", "texts": "글", "right": "정확도(%)", "word": "말", "score": "평균 점수",
        "sentences": "문장", "show": "{count}개 보기",
        "class": "{label} 분류를 이끈 말", "about_class": "{label_ro} 분류한 글 {count}개 전체입니다.",
        "error": "실제로는 {truth}인데 {label_ro} 잘못 분류", "about_error": "글 {count}개에서 모델을 잘못 이끈 말입니다.",
        "none": "이 가운데 {count}개 이상의 글에 나오면서 판단을 이끈 말은 없습니다.",
        "how": "말은 그 묶음의 글에서 얻은 점수의 합이 큰 순서입니다. 말마다 점수가 높은 문장을 {examples}개까지 볼 수 "
               "있고, 그 말에는 밑줄이 있습니다.",
        "said": "{label_ro} 분류({percent}%)", "truth": "실제로는 {truth}", "plus": "점수 {score}",
    },
}
