"use strict";
// The raw text as running text. Each token is a button.
{
  const { make, typed, heard, label, languageOf } = gluonattn;

  // Reading order. A token without characters is beside the token before it.
  function readingOrder(tokens) {
    let place = -1;
    const places = tokens.map((token) => (token.end > token.start ? (place = token.start) : place));
    return tokens.map((_, i) => i).sort((a, b) => places[a] - places[b] || a - b);
  }

  // The text cut into gaps ({text}) and tokens ({text, token, name}). Joined, the texts are the raw
  // text. If spans overlap, each character belongs to one token and the tokens are named, so that a
  // token without characters is still visible.
  function pieces(text, tokens) {
    const found = [];
    const order = readingOrder(tokens);
    let at = 0;
    let reach = 0; // the end of the spans so far
    const upTo = (end) => {
      if (end > at) found.push({ text: text.slice(at, end) });
      at = Math.max(at, end);
    };
    order.forEach((index, n) => {
      const token = tokens[index];
      if (token.start === token.end) {
        found.push({ text: "", token: index, name: token.text });
        return;
      }
      const overlaps = token.start < reach;
      reach = Math.max(reach, token.end);
      upTo(token.start);
      const spaces = text.slice(at, token.end).match(/^\s*/)[0].length; // SentencePiece's spans begin with one
      if (spaces < token.end - at) upTo(at + spaces);
      const next = tokens[order.slice(n + 1).find((i) => tokens[i].end > tokens[i].start)];
      const shared = next !== undefined && next.start < token.end;
      const end = shared && next.start > at ? next.start : token.end;
      found.push({ text: text.slice(at, end), token: index, name: overlaps || shared ? token.text : null });
      at = Math.max(at, end);
    });
    upTo(text.length);
    return found;
  }

  // A token that can be pressed, or a span if there is nothing to press.
  function button(piece, side, dead) {
    return make(dead ? "span" : "button", { type: dead ? null : "button", class: "token", tabindex: dead ? null : "-1", "data-side": side, "data-token": piece.token },
      typed(piece.text),
      piece.name !== null && make("span", { class: "name" }, make("bdi", {}, typed(piece.name))));
  }

  // A block of text; its words are kept from breaking between tokens.
  function sentence(text, tokens, side, { dead = false } = {}) {
    const block = make("div", { class: "sentence", dir: "ltr", lang: languageOf(text) });
    let word = null;
    const intoWord = (child) => {
      if (!word) block.append((word = make("span", { class: "word" })));
      word.append(child);
    };
    for (const piece of pieces(text, tokens)) {
      if (piece.token !== undefined) {
        intoWord(button(piece, side, dead));
        continue;
      }
      for (const part of piece.text.split(/(\s+)/).filter(Boolean)) {
        if (/^\s/.test(part)) {
          word = null;
          block.append(...typed(part));
        } else intoWord(make("span", { class: "gap" }, typed(part)));
      }
    }
    return block;
  }

  // A screen reader's text for each token: its visible name, the attention it receives, and its strongest links.
  function spoken(shown, words) {
    const { percent, row, column, received, largest } = gluonattn;
    const shares = received(shown);
    const strongest = (weights, tokens) => largest(weights, 3).filter((i) => weights[i] > 0)
      .map((i) => `${label(tokens[i].text)} ${percent(weights[i], shown.signed)}`).join(", ");
    const looks = (i) => words.sayLooks(strongest(row(shown, i), shown.keys));
    const from = (i) => words.sayFrom(strongest(column(shown, i), shown.queries));
    const receives = (i) => words.sayReceived(heard(shown.keys[i].text), percent(shares[i], shown.signed));
    return {
      queries: (i) => shown.same ? `${receives(i)}. ${looks(i)}. ${from(i)}` : `${heard(shown.queries[i].text)}. ${looks(i)}`,
      keys: (i) => `${receives(i)}. ${from(i)}`,
    };
  }

  Object.assign(gluonattn, { pieces, sentence, spoken });
}
