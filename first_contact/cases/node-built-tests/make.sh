. "$TRIALS/case.sh"
# TypeScript that is compiled before node runs the built tests
init; mkdir -p src test
printf '{"name":"acme","version":"1.0.0","type":"module","scripts":{"test":"tsc && node --test dist/test"},"devDependencies":{"typescript":"5.4.5","@types/node":"20.12.7"}}\n' > package.json
printf '{"compilerOptions":{"target":"es2022","module":"nodenext","outDir":"dist","rootDir":".","strict":true,"skipLibCheck":true},"include":["src","test"]}\n' > tsconfig.json
printf 'export const add = (a: number, b: number): number => a + b;\n' > src/index.ts
printf 'import test from "node:test";\nimport assert from "node:assert";\nimport { add } from "../src/index.js";\ntest("adds", () => assert.equal(add(1, 2), 3));\n' > test/add.test.ts
printf 'node_modules\ndist\n' > .gitignore; npm install --silent --package-lock-only >/dev/null 2>&1; done_
test_file test/double.test.ts <<'Y'
import test from "node:test";
import assert from "node:assert";
import { double } from "../src/index.js";
test("s1 double", () => assert.equal(double(4), 8));
Y
code_does "printf 'export const double = (n: number): number => n * 2;\n' >> src/index.ts"
hands_in test/double.test.ts "s1 double" src/index.ts
