"use strict";
// A saved page: mounts the data it carries, once its own glyphs are there (text measured earlier
// would be measured, and by Chromium even drawn, without them).
{
  const data = JSON.parse(document.getElementById("gluonattn-data").textContent);
  const fontCss = document.getElementById("gluonattn-font").textContent;
  const start = () => gluonattn.mount(document.getElementById("gluonattn-page"), data, { ...data.options, fontCss });
  if (fontCss) document.fonts.load('1em "gluonattn Hangul"').then(start, start);
  else start();
}
