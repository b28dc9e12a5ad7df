"use strict";
// What the page says of attributions, in English.
Object.assign(gluonattn.words.en, {
  attribution: "What the words had to do with it",
  speaks: (name) => `Blue speaks for ${name}, orange against it; the stronger, the more.`,
  unsigned: "The stronger, the more; this method does not say for or against.",
  honest: (n, name, before, after, random, further, draws) => `Honesty: without the top ${n} ${n === 1 ? "word" : "words"} ${name} goes from ${before} to ${after}, without random ones, as many, to ${random} on average; further than ${further}% of ${draws} draws.`,
  approximated: (steps, missing, of) => `Approximated: after ${steps} steps of integration the sum of the scores lacks ${missing} of ${of} (log-odds).`,
  doubt: "That is no more than chance does: do not take these words for the reason.",
  validated: (own, floor) => `On validation this method's top words take ${own} of the probability, random ones ${floor}.`,
  account: (name, difference) => `In numbers: ${name} against the rest, ${difference} in log-odds`,
  ofWords: "word", ofNgrams: "n-grams", ofBeside: "beside attention", ofReading: "read through attention", sum: "sum",
  entered: (nothing, difference) => `With nothing entered it is ${nothing}; with all that entered, ${difference}.`,
  readAgain: (rest, difference) => `What attention read makes, with what it did not read (${rest}), the same ${difference}.`,
  exact: "Both sums hold exactly. What attention read is what the model computes; how a state is shared out among words is a rule (differences are handed on step by step), and another rule would share it otherwise. Where attention looks is taken as it is.",
  askHint: "Press a word: what the model says without it, and if nobody looked at it (asked in advance; this page holds no model).",
  without: (change) => `without it ${change}`, unseen: (change) => `if nobody looked at it ${change}`,
  even: "Even attention", evenly: (change) => `if every word looked at all alike: ${change}`,
});
