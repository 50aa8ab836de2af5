. "$TRIALS/case.sh"
# pnpm by packageManager; a package whose tests need what another one builds, run by a root script of pnpm's own
init; mkdir -p packages/core/src packages/app/test
printf '{"name":"acme","private":true,"packageManager":"pnpm@9.1.0","scripts":{"build":"pnpm -r build","test":"pnpm -r test"},"devDependencies":{"typescript":"5.4.5"}}\n' > package.json
printf 'packages:\n  - packages/*\n' > pnpm-workspace.yaml
printf '{"name":"@acme/core","version":"1.0.0","type":"module","exports":"./dist/index.js","types":"./dist/index.d.ts","scripts":{"build":"tsc -p ."}}\n' > packages/core/package.json
printf '{"compilerOptions":{"target":"es2022","module":"nodenext","outDir":"dist","rootDir":"src","strict":true,"declaration":true},"include":["src"]}\n' > packages/core/tsconfig.json
printf 'export const add = (a: number, b: number): number => a + b;\n' > packages/core/src/index.ts
printf '{"name":"@acme/app","version":"1.0.0","type":"module","dependencies":{"@acme/core":"workspace:*"},"scripts":{"test":"node --test"}}\n' > packages/app/package.json
printf 'import { add } from "@acme/core";\nexport const total = (xs) => xs.reduce(add, 0);\n' > packages/app/index.js
printf 'import test from "node:test";\nimport assert from "node:assert";\nimport { total } from "../index.js";\ntest("total", () => assert.equal(total([1, 2]), 3));\n' > packages/app/test/total.test.js
printf 'node_modules\ndist\n' > .gitignore; done_
test_file packages/app/test/double.test.js <<'Y'
import test from "node:test";
import assert from "node:assert";
test("s1 double", async () => {
  const core = await import("@acme/core");
  assert.equal(core.double?.(4), 8);
});
Y
code_does "printf 'export const double = (n: number): number => n * 2;\n' >> packages/core/src/index.ts"
hands_in packages/app/test/double.test.js "s1 double" packages/core/src/index.ts
