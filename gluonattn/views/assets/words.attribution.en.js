"use strict";
// What the page says of attributions, in English.
Object.assign(gluonattn.words.en, {
  attribution: "How much each word moved it", method: "Method", beside: "Beside it", attentionReceived: "attention received",
  speaks: (name) => `Blue + speaks for ${name}, orange − against it; the darker and the larger the number, the more. Words for it are underlined solid, words against it dashed.`,
  unsigned: "The darker and the larger the number, the more; this method does not say for or against.",
  methods: {},
  trust: "How far to trust this",
  askHint: "Press a word to see the probability without it, and if no other word looked at it (worked out in advance).",
  without: (change) => `without it ${change}`, unseen: (change) => `if nothing looked at it ${change}`,
  even: "If all looked alike", evenly: (change) => `if every word looked at all alike: ${change}`,
  scores: "Scores of the words: arrow keys move, Enter chooses",
});
