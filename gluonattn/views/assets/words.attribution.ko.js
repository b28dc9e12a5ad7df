"use strict";
// What the page says of attributions, in Korean.
Object.assign(gluonattn.words.ko, {
  attribution: "말마다의 영향", method: "방법", beside: "나란히 볼 방법", attentionReceived: "받은 어텐션",
  speaks: (name) => `파란 +는 ${name} 쪽으로, 주황색 −는 반대쪽으로 이끈 말입니다. 진하고 숫자가 클수록 영향이 큽니다. 밑줄도 +는 실선, −는 파선입니다.`,
  unsigned: "진하고 숫자가 클수록 영향이 큽니다. 이 방법으로는 어느 쪽으로 이끌었는지 알 수 없습니다.",
  methods: { "leave-one-out": "하나씩 빼기", "integrated-gradients": "적분 기울기", "gradient-input": "기울기 × 입력", "attention-gradient": "어텐션 × 기울기", attention: "어텐션", norm: "벡터 길이", random: "무작위" },
  trust: "얼마나 믿을 수 있나",
  askHint: "말을 누르면 그 말을 뺐을 때와 다른 말이 모두 그 말을 보지 않을 때 확률이 어떻게 되는지 나옵니다(미리 셈해 둔 답입니다).",
  without: (change) => `빼면 ${change}`, unseen: (change) => `아무도 보지 않으면 ${change}`,
  even: "모두 똑같이 보면", evenly: (change) => `모든 말이 서로를 똑같이 보면: ${change}`,
  scores: "말마다의 영향: 화살표 키로 옮기고 Enter로 고릅니다",
});
