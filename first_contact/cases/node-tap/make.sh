. "$TRIALS/case.sh"
# tap, whose results are one point for each file with the tests within it
init; mkdir test
printf '{"name":"acme","version":"1.0.0","main":"index.js","scripts":{"test":"tap"},"devDependencies":{"tap":"16.3.10"},"tap":{"check-coverage":false}}\n' > package.json
printf 'exports.add = (a, b) => a + b;\n' > index.js
printf "const t = require('tap');\nconst m = require('..');\nt.test('adds', (t) => {\n  t.equal(m.add(1, 2), 3);\n  t.end();\n});\n" > test/add.js
printf 'node_modules\n.nyc_output\n' > .gitignore; done_
test_file test/double.js <<'Y'
const t = require('tap');
const m = require('..');
t.test('s1 double', (t) => {
  t.equal(typeof m.double, 'function');
  t.end();
});
Y
code_does "printf 'exports.double = (n) => n * 2;\n' >> index.js"
hands_in test/double.js "s1 double" index.js
