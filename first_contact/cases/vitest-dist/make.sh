. "$TRIALS/case.sh"
# vitest whose tests import the package by its built entry, as prepare makes it
init; mkdir -p src tests
printf '{"name":"acme","version":"1.0.0","type":"module","exports":{".":"./dist/index.js"},"scripts":{"build":"tsc","prepare":"npm run build","test":"vitest"},"devDependencies":{"typescript":"5.4.5","vitest":"1.5.0"}}\n' > package.json
printf '{"compilerOptions":{"target":"es2022","module":"nodenext","outDir":"dist","rootDir":"src","strict":true,"skipLibCheck":true},"include":["src"]}\n' > tsconfig.json
printf 'export const add = (a: number, b: number): number => a + b;\n' > src/index.ts
printf "import { expect, test } from 'vitest';\nimport { add } from '../dist/index.js';\ntest('adds', () => expect(add(1, 2)).toBe(3));\n" > tests/add.test.ts
printf 'node_modules\ndist\n' > .gitignore; done_
test_file tests/double.test.ts <<'Y'
import { expect, test } from 'vitest';
import * as all from '../dist/index.js';
test('s1 double', () => expect((all as any).double?.(4)).toBe(8));
Y
code_does "printf 'export const double = (n: number): number => n * 2;\n' >> src/index.ts"
hands_in tests/double.test.ts "s1 double" src/index.ts
