"use strict";
// A file of reviews as texts with their true labels. Numbers and strings only, no elements.
globalThis.gluonattn ??= {};
{
  const plainName = (name) => String(name).normalize("NFC").toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

  // Decodes UTF-8, UTF-16 with a byte order mark, or CP949. null for other encodings.
  function decodeBytes(bytes) {
    const marked = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : null;
    for (const name of marked ? [marked] : ["utf-8", "euc-kr"]) {
      try {
        return new TextDecoder(name, { fatal: true }).decode(bytes);
      } catch { // another one
      }
    }
    return null;
  }

  // Cells separated by commas. Quoted cells may contain commas, line breaks and doubled quotes.
  function commaRows(text) {
    const rows = [];
    let [row, cell, quoted] = [[], "", false];
    const endRow = () => {
      rows.push([...row, cell]);
      [row, cell] = [[], ""];
    };
    for (let i = 0; i < text.length; i++) {
      const c = text[i];
      if (quoted && c === '"' && text[i + 1] === '"') {
        cell += '"';
        i += 1;
      } else if (quoted) {
        if (c === '"') quoted = false;
        else cell += c;
      } else if (c === '"' && cell === "") quoted = true;
      else if (c === ",") {
        row.push(cell);
        cell = "";
      } else if (c === "\n") endRow();
      else if (c !== "\r" || text[i + 1] !== "\n") cell += c;
    }
    if (cell !== "" || row.length) endRow();
    return rows;
  }

  const lines = (text) => text.split(/\r\n|\n|\r/);

  // Rows of cells, the column names first. [[text]] without names for one text per line.
  function rowsOf(name, text) {
    const ending = name.toLowerCase().slice(name.lastIndexOf("."));
    if (ending === ".jsonl" || ending === ".ndjson") {
      const objects = lines(text).filter((one) => one.trim()).map((one) => JSON.parse(one));
      const names = [...new Set(objects.flatMap((one) => Object.keys(one)))];
      return { rows: [names, ...objects.map((one) => names.map((key) => one[key] ?? ""))], named: true };
    }
    if (ending === ".csv") return { rows: commaRows(text), named: true };
    const tabs = ending === ".tsv" || lines(text)[0].includes("\t");
    return tabs ? { rows: lines(text).map((one) => one.split("\t")), named: true } : { rows: lines(text).map((one) => [one]), named: false };
  }

  // The reviews of a file: {rows: [{text, truth}], skipped}; truth is null if unknown. Without reviews, a string
  // with the reason: "encoding", "shape", "column" or "empty". columns: the usual names {text, label}, best first.
  function readTable(name, bytes, columns) {
    const content = decodeBytes(bytes);
    if (content === null) return "encoding";
    let found;
    try {
      found = rowsOf(name, content.replace(/^\ufeff/, ""));
    } catch {
      return "shape";
    }
    let [textAt, labelAt, rows] = [0, -1, found.rows];
    if (found.named) {
      const names = (rows[0] ?? []).map(plainName);
      const at = (known) => names.indexOf(known.find((one) => names.includes(one)));
      [textAt, labelAt, rows] = [at(columns.text), at(columns.label), rows.slice(1)];
      if (textAt < 0 && names.length > 1) return "column";
      if (textAt < 0) [textAt, rows] = [0, found.rows]; // one column, whose first line is a text like the others
    }
    const reviews = rows.map((row) => ({ text: String(row[textAt] ?? ""), truth: labelAt < 0 || (row[labelAt] ?? "") === "" ? null : String(row[labelAt]) }));
    const kept = reviews.filter(({ text }) => text.trim());
    const last = rows.length && rows.at(-1).every((cell) => cell === "") ? 1 : 0; // the end of the last line is not a row
    return kept.length ? { rows: kept, skipped: reviews.length - kept.length - last } : "empty";
  }

  // Parts of a list for one request each: at most `most` texts and about `bytes` bytes.
  function batches(texts, most, bytes) {
    const parts = [];
    let size = Infinity;
    texts.forEach((text, i) => {
      const own = 3 * text.length + 4; // UTF-8 has at most three bytes for a UTF-16 unit
      if (size + own > bytes || parts.at(-1).length >= most) {
        parts.push([]);
        size = 0;
      }
      parts.at(-1).push(i);
      size += own;
    });
    return parts;
  }

  Object.assign(gluonattn, { readTable, batches });
}
