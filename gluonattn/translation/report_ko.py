"""The text of the report on translation, in Korean; `report_en` has the same in English."""

from __future__ import annotations

from typing import Any

KOREAN: dict[str, Any] = {
    "title": "번역 모델의 헤드는 무엇을 배우나",
    "about": "모델 {model}, 학습 자료 {data}. 에폭 {epochs}에서 읽음(0은 학습 전). 학습에 쓰지 않은 문장 {sentences}개를 "
             "시드 {seed}로 뽑아 재었고, 구간은 문장을 다시 뽑아 얻은 95% 신뢰구간입니다.",
    "no_positions": "위치 인코딩이 없는 모델입니다.",
    "answer": "{epoch}에폭을 마친 모델은 처음 보는 문장에서 BLEU {bleu}, chrF {chrf}입니다. {kind}의 {head} 헤드를 뺄 "
              "때 가장 많이 "
              "떨어집니다: BLEU {loss}.",
    "answer_none": "{epoch}에폭을 마친 모델은 처음 보는 문장에서 BLEU {bleu}, chrF {chrf}입니다. 하나만 빼서 확실히 "
                   "나빠지는 헤드는 "
                   "없습니다.",
    "contents": "차례",
    "summary": "한눈에 보기",
    "curves": "학습 과정",
    "curves_alt": "왼쪽은 학습 손실({first:.2f}에서 {last:.2f}로)과 검증 손실, 오른쪽은 검증 BLEU. 가장 높은 값은 "
                  "{epoch}에폭의 "
                  "{bleu:.1f}.",
    "scores": "에폭별 점수",
    "epoch": "에폭", "untrained": "학습 전", "epoch_name": "{}에폭",
    "translations": "같은 문장을 에폭마다 번역하면",
    "translations_how": "탐욕 탐색으로 번역했습니다.",
    "source": "원문",
    "grids": "에폭별 모든 헤드",
    "grids_how": "한 줄이 헤드 하나, 한 칸이 에폭 하나입니다. 세로는 보는 쪽, 가로는 주목받는 서브워드이고, 한 문장의 "
                 "모든 그림은 "
                 "색 눈금이 같습니다. 줄이 서로 맞도록, 모든 에폭에 가장 좋은 에폭의 번역을 그대로 말하게 했습니다. "
                 "&lt;s&gt;는 번역문의 시작, &lt;/s&gt;는 문장의 끝 표시입니다.",
    "grid_alt": "{name}: {layers}층 {heads}헤드를 에폭 {epochs}에서 그린 그림. 마지막 에폭에서 가장 센 곳은 {layer}층 "
                "{head}번 "
                "헤드의 {query} → {key} {share}%.",
    "scale": "어텐션 (%), 제곱근 눈금",
    "head_name": "{layer}층 {head}번",
    "heads": "헤드마다 하는 일",
    "heads_how": "마지막 에폭에서, 정답 번역을 말하게 하고 재었습니다. 엔트로피는 가능한 최댓값에 대한 비율, 거리는 "
                 "서브워드 수, "
                 "나머지는 가중치에서 차지하는 비율(%)입니다. ‘제자리’는 인코더에서는 자기 자신, 디코더에서는 바로 앞에 "
                 "말한 서브워드, "
                 "교차 어텐션에서는 문장의 같은 지점입니다. ‘끝 표시’는 원문의 끝이며, 디코더에서는 번역문의 "
                 "시작입니다. ▲와 ▼는 "
                 "학습 전보다 확실히 늘거나 준 것입니다. ‘맡은 일’은 가중치의 3분의 1 이상을 차지하면서 학습 중에 "
                 "늘어난 것입니다.",
    "head": "헤드", "kind": "종류", "layer": "층",
    "kinds": {"encoder": "인코더", "decoder": "디코더", "cross": "교차 어텐션"},
    "columns": {"entropy": "엔트로피", "distance": "거리", "previous": "바로 앞", "same": "제자리", "next": "바로 뒤",
                "punctuation": "문장부호", "special": "끝 표시"},
    "specialised": "맡은 일",
    "names": {"previous": "바로 앞 보기", "same": "제자리 보기", "next": "바로 뒤 보기", "punctuation": "문장부호 보기",
              "special": "끝 표시 보기", "even": "고루 보기"},
    "through": "에폭에 따른 변화",
    "through_how": "헤드별 엔트로피(가능한 최댓값에 대한 비율)입니다. 낮을수록 색이 짙습니다.",
    "layers": "층 비교",
    "layers_how": "한 층에 있는 헤드의 평균을 마지막 에폭과 학습 전으로 나누어 보입니다.",
    "alignment": "교차 어텐션은 번역되는 단어를 찾나",
    "alignment_how": "모델을 전혀 모르는 정렬기(eflomal)가 어느 단어가 어느 단어의 번역인지 말해 줍니다. 헤드가 가장 "
                     "세게 보는 "
                     "단어의 정렬 오류율(AER)이며, 0이면 완전히 일치하고 1이면 전혀 일치하지 않습니다.",
    "alignment_none": "재지 못했습니다: {reason}",
    "better": "학습 전보다 준 정도",
    "ablation": "보는 것과 필요한 것",
    "ablation_how": "헤드 하나가 아무것도 보태지 않게 하고 마지막 에폭으로 번역한 BLEU와 chrF에서 온전한 모델의 값을 뺀 "
                    "것입니다. "
                    "굵은 숫자는 확실한 차이입니다. 옆에 그 헤드가 맡은 일을 함께 적었습니다.",
    "without": "뺀 헤드", "change_of": "{} 변화",
    "limits": "여기서 알 수 없는 것",
    "limits_lines": [
        "어디를 보느냐가 곧 무엇이 필요하냐는 아닙니다. 마지막 표와 견주어 보세요.",
        "헤드를 한 번에 하나만 뺐습니다. 같은 일을 하는 헤드끼리는 서로 대신할 수 있습니다.",
        "한 번의 학습, 한 시드에서 나온 수치입니다.",
        "BLEU는 주어진 번역과 단어를 견줍니다. 다른 번역도 옳을 수 있습니다.",
    ],
    "said": {
        "scores": "{first}에폭에서 {last}에폭까지 BLEU가 {before}에서 {after}(으)로 바뀌었습니다.",
        "specialised": "헤드 {all}개 가운데 {count}개가 한 가지 일을 맡았습니다: {names}.",
        "none": "헤드 {all}개 가운데 한 가지 일을 맡은 것은 없습니다.",
        "sharper": "헤드 {all}개 가운데 {count}개는 학습 전보다 좁게, {wider}개는 넓게 봅니다.",
        "needed": "헤드 {all}개 가운데 {count}개는 하나만 빠져도 BLEU가 확실히 떨어집니다. 가장 필요한 것: {names}.",
        "aligned": "정렬기와 가장 잘 맞는 헤드는 {head}입니다(오류율 {error}, 학습 전 {before}).",
    },
    "axes": {"loss": "손실 (서브워드당 nat)", "step": "스텝", "epoch": "에폭", "bleu": "검증 BLEU", "train": "학습",
             "valid": "검증"},
}
