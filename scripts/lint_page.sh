#!/usr/bin/env bash
# Lint the page's scripts and styles with eslint and stylelint, kept in build/.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build/lint
cp eslint.config.mjs .stylelintrc.json build/lint/
# The linters look for their plug-ins beside their settings, so the files are linted as copies.
rm -rf build/lint/gluonattn build/lint/tests
mkdir -p build/lint/gluonattn/views build/lint/tests/views
cp -r gluonattn/views/assets build/lint/gluonattn/views/
cp -r tests/views/js build/lint/tests/views/
cd build/lint
npm install --silent --no-fund --no-audit eslint@9 @eslint/js@9 globals@15 stylelint@16.12.0 \
    stylelint-config-standard@36.0.1
npx eslint gluonattn/views/assets tests/views/js
npx stylelint gluonattn/views/assets/page.css
echo "the page's scripts and styles: no complaints"
