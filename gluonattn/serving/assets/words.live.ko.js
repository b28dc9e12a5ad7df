"use strict";
// The texts of the interactive page, in Korean.
Object.assign(gluonattn.words.ko, {
  live: {
    ask: "문장을 써 보세요", hint: "쓰다가 멈추면 답합니다. Enter를 누르면 바로 답합니다.",
    example: "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집",
    reading: "읽는 중…", composing: "쓰는 글자는 다 쓴 뒤에 읽습니다. Enter를 누르면 바로 읽습니다.", blank: "글자가 없습니다. 문장을 써 보세요.",
    offline: "서버가 답하지 않습니다. 서버가 켜져 있는지 보고 다시 써 보세요.", answer: "모델의 답",
    model: "모델", beside: "나란히 볼 모델", nothing: "없음", languages: "언어",
    token: "서버를 켤 때 정한 토큰", enter: "들어가기", wrongToken: "토큰이 맞지 않습니다.",
    whatIf: "이 말을 바꾸면", drop: "빼고 보기", replaceWith: "바꿀 말", replace: "바꿔 보기", beside2: "나란히 보기",
    moving: "어텐션을 옮겨 보기", movingHint: "막대를 끌거나 화살표 키를 눌러, 말이 받는 어텐션을 늘리고 줄여 보세요. 남은 어텐션은 다른 말들이 원래 비율대로 나눠 받습니다.",
    looks: "보는 말", everyWord: "모든 말", takeBack: "되돌리기", moved: (n) => `어텐션 ${n}곳 옮김`,
    back: "원래 문장으로", changed: (name, before, after) => `${name} ${before} → ${after}`,
    before: "이전 문장", link: "링크 복사", linked: "이 문장이 든 링크를 복사했습니다.", notLinked: "주소창의 주소에 이 문장이 들어 있습니다.",
    saveHtml: "HTML 저장", saveJson: "JSON 저장",
    fromDisk: "브라우저는 모델 파일을 웹 서버에서만 읽습니다. 이 폴더에서 python -m http.server 를 실행하고 http://127.0.0.1:8000/ 을 여세요.", incomplete: (name) => `${name} 파일이 없거나 잘렸습니다. 폴더를 통째로 다시 복사하세요.`, onlyWord: "말이 하나뿐이라 빼 볼 수 없습니다.",
    file: "리뷰 여러 개를 한꺼번에", pickFile: "파일 고르기", fileHint: "파일을 페이지 아무 데나 끌어다 놓거나 고르세요. 한 줄에 한 문장(.txt)이거나, 문장이 든 열이 있는 표(.tsv, .csv, .jsonl)여야 합니다. 정답이 든 열이 있으면 틀린 답도 보여 줍니다.",
    scoring: "판단한 리뷰", stop: "멈추기", results: "판단한 리뷰 목록", saveReviews: "결과 저장 (JSONL)",
    tooLarge: (most) => `파일이 ${most} MB를 넘습니다. 나누어 주세요.`,
    unread: {
      encoding: (name) => `${name}: UTF-8, UTF-16, CP949 가운데 어느 것으로도 읽을 수 없습니다. UTF-8로 저장해 주세요.`,
      shape: (name) => `${name}: JSON이 아닌 줄이 있습니다. 한 줄이 객체 하나여야 합니다.`,
      column: (name) => `${name}: 문장이 든 열을 찾지 못했습니다. 열 이름을 text, review, document, 리뷰, 문장 가운데 하나로 해 주세요.`,
      empty: (name) => `${name}: 문장이 하나도 없습니다.`,
    },
    scored: (n, all, name) => `${name}: ${all}개 가운데 ${n}개 판단함`, done: (name) => `${name}: 모두 판단했습니다. 리뷰를 누르면 따로 볼 수 있습니다.`,
    stopped: "멈추었습니다. 지금까지 판단한 것만 보여 줍니다.", emptyRows: (n) => `문장이 없는 줄 ${n}개는 뺐습니다.`,
    tooLong: (n, most) => `${most}자를 넘는 ${n}개는 판단하지 않았습니다.`, otherLabels: (known) => `모델이 모르는 정답이 있습니다(아는 것: ${known}). 그 줄은 정답이 없는 것으로 봅니다.`,
    counted: (n) => `리뷰 ${n}개`, accuracy: (share, right, all) => `맞힌 비율 ${share} (${all}개 가운데 ${right}개)`,
  },
});
