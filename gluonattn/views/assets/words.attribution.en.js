"use strict";
// What the page says of attributions, in English.
Object.assign(gluonattn.words.en, {
  attribution: "How much each word moved it", method: "Method", towards: "For the class", beside: "Second method", attentionReceived: "attention received",
  speaks: (name) => `Blue + speaks for ${name}, orange − against it. Stronger shading and larger numbers mean more. Words for it have a solid underline, words against it a dashed one.`,
  unsigned: "Stronger shading and larger numbers mean more. This method does not say for or against.",
  trust: "How far to trust this",
  account: (name, difference) => `In numbers: ${name} against the rest, ${difference} in log-odds`,
  ofWords: "word", ofNgrams: "n-grams", ofBeside: "beside attention", ofReading: "read through attention", sum: "sum",
  entered: (nothing, difference) => `With no input the value is ${nothing}; with every contribution added it is ${difference}.`,
  readAgain: (rest, difference) => `What was read through attention, added to what was not (${rest}), makes the same ${difference}.`,
  exact: "Both sums hold exactly. What was read through attention is what the model computes. How a state is divided among words is a rule (differences are passed on step by step), and another rule would divide it in another way. The attention weights are taken as given.",
  askHint: "Press a word to see the probability without it, and the probability if no other word looked at it (computed in advance).",
  askWithout: "Press a word to see the probability without it (computed in advance).",
  without: (change) => `without it ${change}`, unseen: (change) => `if nothing looked at it ${change}`,
  even: "With equal attention", evenly: (change) => `if every word looked at all words equally: ${change}`,
  scores: "Scores of the words: arrow keys move, Enter chooses",
});
