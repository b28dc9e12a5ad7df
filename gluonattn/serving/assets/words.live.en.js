"use strict";
// What the page to type into says, in English.
Object.assign(gluonattn.words.en, {
  live: {
    ask: "Type a Korean sentence", hint: "It answers when you pause. Enter asks at once.",
    example: "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집",
    reading: "Reading…", composing: "A syllable is read once it is finished. Enter reads it at once.", blank: "There is no text. Type a sentence.",
    offline: "The server does not answer. See whether it still runs, and type again.", answer: "What the model says",
    model: "Model", beside: "Beside it", nothing: "none", languages: "Language",
    token: "The token the server was started with", enter: "Enter", wrongToken: "This is not the token.",
    whatIf: "If this word were different", drop: "See it without", replaceWith: "Replace it with", replace: "Replace", attention: "Attention it receives", beside2: "Side by side",
    back: "Back to the sentence", changed: (name, before, after) => `${name} ${before} → ${after}`,
    before: "Earlier sentences", link: "Copy link", linked: "Copied a link that holds this sentence.", notLinked: "The address bar's address holds this sentence.",
    saveHtml: "Save HTML", saveJson: "Save JSON",
  },
});
