. "$TRIALS/case.sh"
# tape, which prints TAP with a heading for each test
init; mkdir test
printf '{"name":"acme","version":"1.0.0","main":"index.js","scripts":{"test":"tape test/*.js"},"devDependencies":{"tape":"5.7.5"}}\n' > package.json
printf 'exports.add = (a, b) => a + b;\n' > index.js
printf "var test = require('tape');\nvar m = require('..');\ntest('adds', function (t) {\n  t.equal(m.add(1, 2), 3);\n  t.equal(m.add(2, 2), 4);\n  t.end();\n});\n" > test/add.js
printf 'node_modules\n' > .gitignore; done_
test_file test/double.js <<'Y'
var test = require('tape');
var m = require('..');
test('s1 double', function (t) {
  t.equal(typeof m.double, 'function');
  t.equal(m.double && m.double(4), 8);
  t.end();
});
Y
code_does "printf 'exports.double = (n) => n * 2;\n' >> index.js"
hands_in test/double.js "s1 double" index.js
