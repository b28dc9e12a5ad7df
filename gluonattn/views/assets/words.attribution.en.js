"use strict";
// What the page says of attributions, in English.
Object.assign(gluonattn.words.en, {
  attribution: "What the words had to do with it",
  speaks: (name) => `Blue speaks for ${name}, orange against it; the stronger, the more.`,
  unsigned: "The stronger, the more; this method does not say for or against.",
  honest: (n, name, before, after, random, further) => `Honesty: without the top ${n} ${n === 1 ? "word" : "words"} ${name} goes from ${before} to ${after}, without random ones, as many, to ${random} on average; further than ${further}% of the draws.`,
  approximated: (steps, missing, of) => `Approximated: after ${steps} steps of integration the sum of the scores lacks ${missing} of ${of} (log-odds).`,
  doubt: "That is no more than chance does: do not take these words for the reason.",
  validated: (own, floor) => `On validation this method's top words take ${own} of the probability, random ones ${floor}.`,
  askHint: "Press a word: what the model says without it, and if nobody looked at it (asked in advance; this page holds no model).",
  without: (change) => `without it ${change}`, unseen: (change) => `if nobody looked at it ${change}`,
  even: "Even attention", evenly: (change) => `if every word looked at all alike: ${change}`,
});
