. "$TRIALS/case.sh"
# names with spaces, quotes, a leading dash, a newline, bytes that are no text, and names that differ in case only
init; js_calc; mkdir -p "some dir"; echo x > "some dir/it's \"quoted\".txt"; echo x > ./-dash; printf x > "$(printf 'new\nline')"; echo a > Notes.md; echo b > notes.md; done_
test_file "test/it's a \"double\".test.js" <<'Y'
Y
rm test.sh; cat > test.sh <<'X'
cat > 'test/a double [4].test.js' <<'Y'
const test = require('node:test');
const assert = require('node:assert');
const m = require('../index.js');
test('s1 double', () => assert.equal(m.double?.(4), 8));
Y
X
code_does "printf 'exports.double = (n) => n * 2;\n' >> index.js"
hands_in "test/a double [4].test.js" "s1 double" index.js
