"use strict";
// What the page to type into says, in Korean.
Object.assign(gluonattn.words.ko, {
  live: {
    ask: "문장을 써 보세요", hint: "쓰다가 멈추면 답합니다. Enter를 누르면 바로 답합니다.",
    example: "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집",
    reading: "읽는 중…", composing: "쓰는 글자는 다 쓴 뒤에 읽습니다. Enter를 누르면 바로 읽습니다.", blank: "글자가 없습니다. 문장을 써 보세요.",
    offline: "서버가 답하지 않습니다. 서버가 켜져 있는지 보고 다시 써 보세요.", answer: "모델의 답",
    model: "모델", beside: "나란히 볼 모델", nothing: "없음", languages: "언어",
    token: "서버를 켤 때 정한 토큰", enter: "들어가기", wrongToken: "토큰이 맞지 않습니다.",
    whatIf: "이 말을 바꾸면", drop: "빼고 보기", replaceWith: "바꿀 말", replace: "바꿔 보기", attention: "받는 어텐션", beside2: "나란히 보기",
    back: "원래 문장으로", changed: (name, before, after) => `${name} ${before} → ${after}`,
    before: "이전 문장", link: "링크 복사", linked: "이 문장이 든 링크를 복사했습니다.", notLinked: "주소창의 주소에 이 문장이 들어 있습니다.",
    saveHtml: "HTML 저장", saveJson: "JSON 저장",
  },
});
