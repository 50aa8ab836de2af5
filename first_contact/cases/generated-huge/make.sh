. "$TRIALS/case.sh"
# a generated script of 12 MB, and a tracked file in an ignored folder that the suite rewrites
init; js_calc; mkdir -p vendor-js out; { printf 'var data = ['; seq -s, 1 1700000; printf '];\nfunction generated() { return data.length; }\n'; } | tr -d '\n' > generated.js
printf 'out\n' > .gitignore; echo 0 > out/counter.txt; git add -f out/counter.txt
cat >> test/add.test.js <<'Y'
require('node:fs').writeFileSync('out/counter.txt', String(Date.now()));
require('node:fs').writeFileSync('report.html', '<p>done</p>');
Y
done_; js_agents
