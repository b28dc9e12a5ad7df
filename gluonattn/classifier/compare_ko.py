"""The text of the report on a comparison, in Korean; `compare_en` says the same in English."""

from __future__ import annotations

from typing import Any

KOREAN: dict[str, Any] = {
    "title": "어텐션 셀 비교",
    "best_alone": "{best} 셀의 정확도는 {accuracy}%입니다.",
    "best_beyond": "정확도는 {best} 셀이 {accuracy}%로 가장 높고, {others} 셀과의 차이는 우연으로 보기 어렵습니다.",
    "best_chance": "정확도는 {best} 셀이 {accuracy}%로 가장 높지만, 어느 두 셀의 차이도 우연과 구별되지 않습니다.",
    "best_not_beyond": "정확도는 {best} 셀이 {accuracy}%로 가장 높지만 우연과 구별되지 않습니다. 우연으로 보기 "
                       "어려운 차이는 {pairs}입니다.",
    "counted": "셀 {cells}를 시드 {seeds}씩 학습했습니다. 정확도는 테스트 리뷰 {test:,}개에서, 설명은 그 가운데 "
               "{explained:,}개에서 "
               "쟀습니다. 대괄호는 리뷰{over_seeds}를 다시 뽑은 95% 부트스트랩 구간입니다.",
    "over_seeds": "와 학습 시드",
    "one_seed": " 시드가 하나이므로 학습할 때마다 달라지는 정도는 구간에 들어 있지 않습니다.",
    "cells": "{n}개", "cell": "1개", "seeds": "{n}개", "seed": "1개", "pairs": "{n}쌍", "pair": "1쌍",
    "accuracy": "정확도는 가장 낮은 {worst} 셀의 {low}부터 가장 높은 {best} 셀의 {high}까지입니다.",
    "none_differ": " 정확도 차이가 우연과 구별되는 두 셀은 없습니다(시드 평균에 대한 맥니머 검정에 홀름 보정을 "
                   "했고, 차이의 구간이 같은 "
                   "쪽에서 0을 벗어나야 한다고 보았습니다).",
    "beyond": " 우연으로 보기 어려운 차이: {named}.",
    "above": "{low}보다 {high} 셀이 {points}%p 높음(p {p})",
    "rest": " 나머지 {pairs}은 구별되지 않습니다.",
    "adds": "어텐션이 없을 때(none)보다 정확도가 얼마나 높은지(%p): {said}.",
    "where": "어텐션이 가는 곳은 같은 셀의 두 시드 사이에서 평균 {inside}, 서로 다른 두 셀 사이에서 평균 "
             "{across}만큼 다릅니다(옌센-섀넌 "
             "발산, 최대 0.693). ",
    "apart": "같은 셀의 두 시드보다 더 다른 쌍: {pairs}.",
    "not_apart": "같은 셀의 두 시드보다 더 다른 곳을 보는 두 셀은 없습니다.",
    "and": " · ",
    "faithful": "점수가 높은 말을 뺐을 때 판단이 얼마나 약해지는지(AOPC-comprehensiveness, 차이는 "
                "같은 리뷰끼리 어텐션에서 그 방법을 뺀 값): {said}.",
    "faithful_one": "{cell}: 어텐션 {attention}, {place}({rivals})",
    "rival": "{name} {figure}, 차이 {less}",
    "places": {"untold": "무작위와 구별되지 않음", "below": "무작위보다 낮음", "level": "가장 나은 방법과 비슷함",
               "between": "무작위보다 높고 가장 나은 방법보다 낮음"},
    "ranked": "어텐션이 판단에 중요한 말을 얼마나 잘 찾는지를 정규화 AOPC로 재면 {order} 순입니다(0은 어떤 "
              "순서로 빼도 이보다 덜 약해지지 않는 경우, 1은 더 약해지지 않는 경우이며, 이 값은 셀끼리 견주어도 "
              "됩니다). 같은 리뷰끼리 잰 차이가 우연으로 보기 어려운 것은 {pairs} 가운데 {differ}쌍입니다. ",
    "ranked_same": "모델마다 한계가 다른 원래 AOPC로 재어도 순서는 같습니다.",
    "ranked_other": "모델마다 한계가 다른 원래 AOPC로 재면 순서가 {order}로 달라집니다.",
    "needed": "가중치가 달라도 판단이 같을 수 있는지: {said}. ‘뒤섞음’은 가중치를 뒤섞었을 때 확률이 바뀐 정도의 "
              "중앙값이고, ‘달라짐’은 확률을 0.05 안에서 지키면서 가중치가 달라질 수 있는 정도입니다.",
    "needed_one": "{cell} 뒤섞음 {change}, 달라짐 {far}(최대 {most})",
    "kinds_said": "말 수에 비해 어텐션을 더 받거나 덜 받는 품사(우연으로 보기 어려운 것): {said}.",
    "kinds_one": "{cell}(더 받음: {more}, 덜 받음: {less})",
    "nothing": "없음",
    "kind_names": {"negation": "부정어", "laughter and tears": "ㅋㅋ·ㅠㅠ", "emoticons": "이모티콘", "josa": "조사",
                   "eomi": "어미",
                   "adverbs": "부사", "nouns": "명사", "verbs and adjectives": "동사·형용사", "punctuation": "문장 부호",
                   "others": "그 밖"},
    "headings": ("셀", "정확도", "ECE", "매개변수", "초", "엔트로피", "정규화 AOPC: 어텐션", "가장 나은 방법", "무작위",
                 "뒤섞을 때 |dp|",
                 "달라질 수 있는 정도"),
    "of": "{part}(최대 {whole})",
    "overview": "숫자로 보기", "sentences_first": "한눈에 보기", "accuracy_heading": "정확도",
    "new": "학습에 없는 글 {count:,}개에서",
    "accuracy_columns": ("셀", "테스트 정확도", "{new}", "ECE", "매개변수", "학습 시간(초)"),
    "pairs_heading": "두 셀씩 비교",
    "pairs_how": "차이는 %p이고, 시드 평균의 판단에 맥니머 정확 검정을 했습니다. ‘우연 아님’은 홀름 보정 뒤 p가 "
                 "0.05보다 작고, 리뷰와 시드를 "
                 "다시 뽑은 구간이 0을 벗어나며, 둘의 방향이 같을 때입니다. 그다음은 받은 어텐션이 얼마나 "
                 "다른지(옌센-섀넌)와 상위 세 말을 "
                 "얼마나 함께 고르는지입니다.",
    "pairs_columns": ("셀", "차이(%p)", "p", "p(홀름)", "우연 아님", "발산", "상위 3개 겹침"),
    "yes": "예", "no": "아니요",
    "calibration": "확률 보정", "faithfulness": "설명의 충실도", "weights": "가중치 자체", "kinds": "말의 종류",
    "method": "방법", "cell_column": "셀", "less": "어텐션의 comprehensiveness − 이 방법(같은 리뷰끼리)",
    "seeds_columns": ("시드끼리: 발산", "시드끼리: 상위 3개 겹침"),
    "kind": "종류", "token_share": "말 수의 비율(%)",
    "same_sentences": "같은 문장 견주기",
    "same_how": "받은 어텐션의 시드 평균(%)이고, 한 문장의 모든 줄이 같은 눈금을 씁니다. 마지막 줄은 가장 다른 "
                "두 셀의 차이(%p)입니다. 파란 +는 "
                "먼저 적은 셀이 더 보는 말, 주황색 −(파선 밑줄)는 다른 셀이 더 보는 말입니다.",
    "verdict": "판단", "difference": "차이", "what_columns_say": "열 이름 풀이",
    "meaning": {
        "entropy": "가중치가 여러 말에 퍼진 정도(1이면 모든 말에 똑같음)",
        "highest_weight": "말마다 가장 크게 준 가중치의 평균",
        "permutation": "가중치를 뒤섞었을 때 |dp|의 중앙값",
        "uniform_change": "모든 말을 똑같이 보게 했을 때 |dp|",
        "adversarial": "확률을 0.05 안에서 지키는 가중치 가운데 가장 먼 것과의 발산",
        "adversarial_bound": "어떤 가중치든 가장 멀 수 있는 정도",
        "conicity": "상태 벡터가 서로 비슷한 정도(1이면 모두 한 방향)",
        "normalised_aopc": "모든 말을 하나씩 뺄 때의 AOPC를, 어떤 순서로든 가장 작을 때 0, 가장 클 때 1로 맞춘 "
                           "값(셀끼리 견주어도 됨)",
        "raw_aopc": "위와 같고, 맞추기 전의 값",
        "comprehensiveness": "AOPC, 점수가 높은 말을 뺌(높을수록 충실함)",
        "sufficiency": "AOPC, 점수가 높은 말만 남김(낮을수록 충실함)",
        "comprehensiveness_mask": "위와 같고, 빼는 대신 모르는 말로 바꿈",
        "sufficiency_mask": "위와 같고, 모르는 말로 바꿈",
        "flip": "판단이 뒤집힐 때까지 뺀 말의 비율(낮을수록 충실함)",
        "tau_gradient": "기울기 × 입력과의 켄달 타우",
        "tau_leave_one_out": "하나씩 빼기와의 켄달 타우",
    },
    "pictures": {
        "accuracy": "테스트 정확도, %(점과 선: 평균과 95% 구간, 세로 눈금: 시드)",
        "confidence": "예측한 라벨의 확률", "right": "맞은 비율",
        "faithfulness": "정규화 AOPC: 어떤 순서로 빼도 이보다 덜 약해지지 않으면 0, 더 약해지지 않으면 1",
        "kinds": "어텐션에서 말 수의 비율을 뺀 값, %p(95% 구간)",
    },
    "alts": {
        "accuracy": "셀마다 테스트 정확도와 구간: {worst} {low}%부터 {best} {high}%까지. 아래 표에 모든 수치가 있습니다.",
        "reliability": "확률마다 맞은 비율을 셀마다 한 선으로 그린 그림. 대각선 위이면 확률과 같습니다. 보정 "
                       "오차는 {low}부터 {high}까지.",
        "faithfulness": "판단에 중요한 말을 방법마다 얼마나 잘 찾는지 정규화 AOPC로 셀마다 그린 그림. 아래 표에 모든 "
                        "수치가 있습니다.",
        "kinds": "말의 종류별로 어텐션에서 말 수의 비율을 뺀 값을 셀마다 그린 그림. 아래 표에 모든 수치가 있습니다.",
    },
}
