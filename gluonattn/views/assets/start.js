"use strict";
// A saved page: mounts its data when its own glyphs are loaded. (Earlier, text would be measured,
// and in Chromium even drawn, without them.)
{
  const data = JSON.parse(document.getElementById("gluonattn-data").textContent);
  const fontCss = document.getElementById("gluonattn-font").textContent;
  const start = () => gluonattn.mount(document.getElementById("gluonattn-page"), data, { ...data.options, fontCss });
  if (fontCss) document.fonts.load('1em "gluonattn Hangul"').then(start, start);
  else start();
}
