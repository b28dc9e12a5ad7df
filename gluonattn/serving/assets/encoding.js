"use strict";
// From a raw text to tokens with spans: gluonattn/plain.py and gluonattn/text/characters.py, for a browser. It uses no elements.
globalThis.gluonattn ??= {};
{
  // Python's white space, and invisible characters.
  const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
  const aSpace = new RegExp(`^[${SPACE}]$`);
  const isSpace = (character) => aSpace.test(character);
  const spaces = new RegExp(`[${SPACE}]+`);
  const INVISIBLE = // eslint-disable-next-line no-control-regex, no-misleading-character-class
    /[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/u;
  const BLANK = "\u2800";

  const words = (text) => text.split(spaces).filter((word) => word !== "");
  // Whether Unicode may reorder the character among marks of another class.
  const combines = (character) => (character + "\u0334").normalize("NFD") !== character.normalize("NFD") + "\u0334"
    || ("\u0345" + character).normalize("NFD") !== "\u0345" + character.normalize("NFD");

  // A text as models read it, as characters (code points), with each one's span in the original text, in UTF-16 units.
  function place(text) {
    const [shown, places] = [[], []];
    let at = 0;
    for (const character of text) {
      if (!INVISIBLE.test(character)) {
        shown.push(character === BLANK ? " " : character);
        places.push([at, at + character.length]);
      }
      at += character.length;
    }
    if (shown.join("").normalize("NFC") === shown.join("")) return { characters: shown, places };
    const [characters, composed] = [[], []];
    for (let start = 0; start < shown.length;) {
      let end = start + 1;
      for (; end < shown.length; end++) {
        const [given, following] = [shown.slice(start, end).join(""), shown[end]];
        if (!combines(following) && (given + following).normalize("NFC") === given.normalize("NFC") + following.normalize("NFC")) break;
      }
      const whole = shown.slice(start, end).join("");
      const made = Array.from(whole.normalize("NFC"));
      const same = made.join("") === whole;
      made.forEach((character, i) => {
        characters.push(character);
        composed.push(same ? places[start + i] : [places[start][0], places[end - 1][1]]);
      });
      start = end;
    }
    return { characters, places: composed };
  }

  // Tokens {text, start, end} of a plain text's characters.
  const joins = (character) => /^\p{M}$/u.test(character) || (character >= "\u1160" && character <= "\u11ff");
  function runs(characters, follows) {
    const found = [];
    characters.forEach((character, i) => {
      if (isSpace(character)) return;
      const before = found.at(-1);
      if (before && before.end === i && follows(character)) {
        before.text += character;
        before.end = i + 1;
      } else found.push({ text: character, start: i, end: i + 1 });
    });
    return found;
  }
  const TOKENIZERS = {
    whitespace: (characters) => runs(characters, () => true),
    syllable: (characters) => runs(characters, joins),
    jamo: (characters) => characters.flatMap((character, i) => isSpace(character) ? []
      : Array.from(character.normalize("NFD"), (text) => ({ text, start: i, end: i + 1 }))),
  };

  Object.assign(gluonattn, { plainOf: place, isSpace, wordsOf: words, tokenizers: TOKENIZERS });
}
