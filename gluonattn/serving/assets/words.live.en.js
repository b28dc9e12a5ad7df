"use strict";
// The texts of the interactive page, in English.
Object.assign(gluonattn.words.en, {
  live: {
    ask: "Type a Korean sentence", hint: "The answer appears when you pause. Enter asks at once.",
    example: "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집",
    reading: "Reading…", composing: "A syllable is read once it is finished. Enter reads it at once.", blank: "There is no text. Type a sentence.",
    offline: "The server does not answer. Check that it is running, and type again.", answer: "What the model says",
    model: "Model", beside: "Beside it", nothing: "none", languages: "Language",
    token: "The token of the server", enter: "Enter", wrongToken: "The token is wrong.",
    whatIf: "If this word were different", drop: "Remove it", replaceWith: "Replace it with", replace: "Replace", beside2: "Side by side",
    moving: "Move the attention", movingHint: "Drag a bar, or press the arrow keys on it, to give a word more or less attention. The other words share the rest as before.",
    looks: "Attention from", everyWord: "every word", takeBack: "Undo", moved: (n) => `attention moved: ${n}`,
    back: "Back to the sentence", changed: (name, before, after) => `${name} ${before} → ${after}`,
    before: "Earlier sentences", link: "Copy link", linked: "Copied a link to this sentence.", notLinked: "The address bar has a link to this sentence.",
    saveHtml: "Save HTML", saveJson: "Save JSON",
    fromDisk: "A browser reads the model only from a web server. In this folder run: python -m http.server, and open http://127.0.0.1:8000/", incomplete: (name) => `${name} is missing or incomplete. Copy the whole folder again.`, onlyWord: "It is the only word, so it cannot be removed.",
    file: "Many reviews at once", pickFile: "Choose a file", fileHint: "Drop a file anywhere on the page, or choose one: one text per line (.txt), or a table with a column of texts (.tsv, .csv, .jsonl). A column of labels shows which answers are wrong.",
    scoring: "Reviews scored", stop: "Stop", results: "Reviews with their labels", saveReviews: "Save the answers (JSONL)",
    tooLarge: (most) => `The file is larger than ${most} MB. Split it.`,
    unread: {
      encoding: (name) => `${name} is not text in UTF-8, UTF-16 or CP949. Save it as UTF-8.`,
      shape: (name) => `${name} has a line that is not JSON. Each line must be one object.`,
      column: (name) => `${name} has no column with a known name for its texts. Call it text, review or document.`,
      empty: (name) => `There is no text in ${name}.`,
    },
    scored: (n, all, name) => `${name}: ${n} of ${all} scored`, done: (name) => `${name} is scored. Press a review to open it.`,
    stopped: "Stopped. These reviews were scored.", emptyRows: (n) => `Rows without a text: ${n}.`,
    tooLong: (n, most) => `Left out because they have more than ${most} characters: ${n}.`, otherLabels: (known) => `Some labels of the file are unknown to the model (it knows ${known}); these rows count as unlabelled.`,
    counted: (n) => `${n} reviews`, accuracy: (share, right, all) => `${share} correct (${right} of ${all})`,
  },
});
