// Lints the page's scripts: npx eslint gluonattn/views/assets tests/views/js
import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    files: ["gluonattn/views/assets/*.js"],
    languageOptions: { sourceType: "script", globals: { ...globals.browser, gluonattn: "readonly" } },
  },
  { files: ["tests/views/js/*.js"], languageOptions: { sourceType: "commonjs", globals: { ...globals.node } } },
  { rules: { eqeqeq: ["error", "smart"], "prefer-const": "error", "no-var": "error" } },
];
