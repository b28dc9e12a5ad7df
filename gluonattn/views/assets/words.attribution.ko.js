"use strict";
// The page's texts on attributions, in Korean.
Object.assign(gluonattn.words.ko, {
  attribution: "각 말의 영향", method: "방법", towards: "볼 분류", beside: "나란히 볼 방법", attentionReceived: "받은 어텐션",
  speaks: (name) => `파란 +는 ${name} 쪽으로, 주황색 −는 반대쪽으로 이끈 말입니다. 색이 뚜렷하고 숫자가 클수록 영향이 큽니다. 밑줄도 +는 실선, −는 파선입니다.`,
  unsigned: "색이 뚜렷하고 숫자가 클수록 영향이 큽니다. 이 방법으로는 어느 쪽으로 이끌었는지 알 수 없습니다.",
  trust: "얼마나 믿을 수 있나",
  account: (name, difference) => `숫자로 보기: 나머지와 비교한 ${name} 쪽 로그 오즈 ${difference}`,
  ofWords: "단어", ofNgrams: "엔그램", ofBeside: "어텐션 밖", ofReading: "어텐션으로 읽음", sum: "합계",
  entered: (nothing, difference) => `입력이 하나도 없을 때의 값은 ${nothing}이고, 모든 입력의 기여를 더하면 ${difference}입니다.`,
  readAgain: (rest, difference) => `어텐션으로 읽은 값에 어텐션을 거치지 않은 값(${rest})을 더해도 ${difference}입니다.`,
  exact: "두 합은 정확히 들어맞습니다. 어텐션으로 읽은 값은 모델이 실제로 계산하는 값입니다. 상태를 단어별로 나누는 것은 하나의 규칙(차이를 단계마다 그대로 넘김)이며, 규칙이 다르면 나뉘는 값도 달라집니다. 어텐션이 어디를 보는지는 주어진 것으로 둡니다.",
  askHint: "말을 누르면 그 말을 뺐을 때와 다른 말이 모두 그 말을 보지 않을 때 확률이 어떻게 되는지 나옵니다(미리 계산해 둔 답입니다).",
  askWithout: "말을 누르면 그 말을 뺐을 때 확률이 어떻게 되는지 나옵니다(미리 계산해 둔 답입니다).",
  without: (change) => `빼면 ${change}`, unseen: (change) => `아무도 보지 않으면 ${change}`,
  even: "모두 똑같이 보면", evenly: (change) => `모든 말이 서로를 똑같이 보면: ${change}`,
  scores: "각 말의 영향: 화살표 키로 옮기고 Enter로 선택합니다",
});
