"use strict";
// The page's texts on attributions, in English.
Object.assign(gluonattn.words.en, {
  attribution: "Effect of each word", method: "Method", towards: "For the class", beside: "Second method", attentionReceived: "attention received",
  speaks: (name) => `Blue + speaks for ${name}, orange − against it. Stronger shading and larger numbers mean more. Words for it have a solid underline, words against it a dashed one.`,
  unsigned: "Stronger shading and larger numbers mean more. This method does not distinguish for and against.",
  trust: "How reliable this is",
  account: (name, difference) => `In numbers: ${name} against the rest, ${difference} in log-odds`,
  ofWords: "word", ofNgrams: "n-grams", ofBeside: "beside attention", ofReading: "read through attention", sum: "sum",
  entered: (nothing, difference) => `With no input the value is ${nothing}; with every contribution added it is ${difference}.`,
  readAgain: (rest, difference) => `What was read through attention, added to the rest (${rest}), gives the same ${difference}.`,
  exact: "Both sums are exact. The parts read through attention are what the model computes. Dividing a state among words follows a rule (differences are passed on step by step), and another rule would give other parts. The attention weights are taken as given.",
  askHint: "Press a word to see the probability without it, and the probability if no other word looked at it (computed in advance).",
  askWithout: "Press a word to see the probability without it (computed in advance).",
  without: (change) => `without it ${change}`, unseen: (change) => `if nothing looked at it ${change}`,
  even: "With equal attention", evenly: (change) => `if every word looked at all words equally: ${change}`,
  scores: "Scores of the words: arrow keys move, Enter chooses",
});
