"use strict";
// What the page says of attributions, in Korean.
Object.assign(gluonattn.words.ko, {
  attribution: "판단에 미친 몫",
  speaks: (name) => `파랑은 ${name} 쪽으로, 주황은 반대쪽으로 기울게 한 말이고, 진할수록 몫이 큽니다.`,
  unsigned: "진할수록 몫이 큽니다. 이 방법은 어느 쪽으로 기울게 했는지는 말하지 않습니다.",
  honest: (n, name, before, after, random, further, draws) => `정직하게: 몫이 가장 큰 말 ${n}개를 빼면 ${name} 확률이 ${before}에서 ${after}로, 아무 말이나 ${n}개를 빼면 평균 ${random}로 바뀝니다. 무작위 ${draws}번 가운데 ${further}%보다 크게 움직였습니다.`,
  approximated: (steps, missing, of) => `근삿값: ${steps}단계까지만 적분했으므로, 점수를 모두 더하면 로그 오즈 ${of} 가운데 ${missing}만큼 차이가 납니다.`,
  doubt: "우연보다 크지 않으니 이 말들을 까닭이라고 여기지 마세요.",
  validated: (own, floor) => `검증 리뷰에서 이 방법이 고른 말을 빼면 확률이 ${own}, 아무 말이나 빼면 ${floor} 줄었습니다.`,
  account: (name, difference) => `숫자로 보기: 나머지와 견준 ${name} 쪽 로그 오즈 ${difference}`,
  ofWords: "단어", ofNgrams: "엔그램", ofBeside: "어텐션 밖", ofReading: "어텐션으로 읽은 몫", sum: "합계",
  entered: (nothing, difference) => `아무것도 들어오지 않으면 ${nothing}이고, 들어온 몫을 모두 더하면 ${difference}입니다.`,
  readAgain: (rest, difference) => `어텐션으로 읽은 몫에 읽지 않은 몫(${rest})을 더해도 ${difference}입니다.`,
  exact: "두 합은 정확히 들어맞습니다. 어텐션으로 읽은 몫은 모델이 실제로 계산하는 값입니다. 상태를 단어별로 나누는 것은 하나의 규칙(차이를 단계마다 그대로 넘김)이며, 규칙이 다르면 나뉘는 몫도 달라집니다. 어텐션이 어디를 보는지는 주어진 것으로 둡니다.",
  askHint: "말을 누르면 그 말이 없을 때와 아무도 그 말을 보지 않을 때의 답이 나옵니다(미리 물어 둔 답이며, 이 페이지에는 모델이 없습니다).",
  without: (change) => `빼면 ${change}`, unseen: (change) => `아무도 보지 않으면 ${change}`,
  even: "고른 어텐션", evenly: (change) => `모든 말이 서로를 똑같이 보면: ${change}`,
});
