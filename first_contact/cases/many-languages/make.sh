. "$TRIALS/case.sh"
# a Makefile that runs Go, Node and Python one after the other
init; mkdir -p svc web tools
printf 'test: test-go test-node test-py\n\ntest-go:\n\tcd svc && go test -v ./...\n\ntest-node:\n\tcd web && node --test\n\ntest-py:\n\tcd tools && python -m unittest -v\n' > Makefile
printf 'module example.test/svc\n\ngo 1.19\n' > svc/go.mod; printf 'package svc\n\nfunc Add(a, b int) int { return a + b }\n' > svc/svc.go; printf 'package svc\n\nimport "testing"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(1, 2) != 3 {\n\t\tt.Fatal("sum")\n\t}\n}\n' > svc/svc_test.go
printf '{"name":"web","type":"module"}\n' > web/package.json; printf 'export const add = (a, b) => a + b;\n' > web/index.js; printf 'import test from "node:test";\nimport assert from "node:assert";\nimport { add } from "./index.js";\ntest("adds", () => assert.equal(add(1, 2), 3));\n' > web/add.test.js
printf 'def add(a, b):\n    return a + b\n' > tools/calc.py; printf 'import unittest\nimport calc\n\n\nclass AddTest(unittest.TestCase):\n    def test_adds(self):\n        self.assertEqual(calc.add(1, 2), 3)\n' > tools/test_calc.py; done_
test_file web/double.test.js <<'Y'
import test from "node:test";
import assert from "node:assert";
import * as all from "./index.js";
test("s1 double", () => assert.equal(all.double?.(4), 8));
Y
code_does "printf 'export const double = (n) => n * 2;\n' >> web/index.js"
hands_in web/double.test.js "s1 double" web/index.js
