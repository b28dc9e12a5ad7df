"use strict";
// What the page says of attributions, in English.
Object.assign(gluonattn.words.en, {
  attribution: "How much each word moved it", method: "Method", towards: "For the class", beside: "Beside it", attentionReceived: "attention received",
  speaks: (name) => `Blue + speaks for ${name}, orange − against it; the darker and the larger the number, the more. Words for it are underlined solid, words against it dashed.`,
  unsigned: "The darker and the larger the number, the more; this method does not say for or against.",
  trust: "How far to trust this",
  account: (name, difference) => `In numbers: ${name} against the rest, ${difference} in log-odds`,
  ofWords: "word", ofNgrams: "n-grams", ofBeside: "beside attention", ofReading: "read through attention", sum: "sum",
  entered: (nothing, difference) => `With nothing entered it is ${nothing}; with all that entered, ${difference}.`,
  readAgain: (rest, difference) => `What attention read makes, with what it did not read (${rest}), the same ${difference}.`,
  exact: "Both sums hold exactly. What attention read is what the model computes; how a state is shared out among words is a rule (differences are handed on step by step), and another rule would share it otherwise. Where attention looks is taken as it is.",
  askHint: "Press a word to see the probability without it, and if no other word looked at it (worked out in advance).",
  askWithout: "Press a word to see the probability without it (worked out in advance).",
  without: (change) => `without it ${change}`, unseen: (change) => `if nothing looked at it ${change}`,
  even: "If all looked alike", evenly: (change) => `if every word looked at all alike: ${change}`,
  scores: "Scores of the words: arrow keys move, Enter chooses",
});
