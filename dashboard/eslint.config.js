import { readdirSync } from 'node:fs';

import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

// Every directory there is a feature: none can be left out by being forgotten.
const FEATURES = readdirSync(new URL('src/features', import.meta.url));

// app → features → components → lib. Features are strangers to one another, as the pipeline's stages are, and effects
// live in lib/, one hook each.
function restrict(files, forbidden, effects) {
  const patterns = forbidden.length ? [{ group: forbidden, message: 'app → features → components → lib.' }] : [];
  const paths = effects
    ? []
    : [{ name: 'react', importNames: ['useEffect', 'useLayoutEffect'], message: 'Effects live in lib/, one hook each.' }];
  return { files, ignores: ['**/*.test.tsx'], rules: { 'no-restricted-imports': ['error', { paths, patterns }] } };
}

export default tseslint.config(
  { ignores: ['src/api/schema.d.ts', 'node_modules', 'eslint.config.js'] },
  ...tseslint.configs.strictTypeChecked,
  reactHooks.configs.flat['recommended-latest'],
  {
    files: ['**/*.{ts,tsx}'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'max-lines': ['error', 250],
      'no-console': 'error',
      'no-restricted-syntax': ['error', { selector: "JSXAttribute[name.name='style']", message: 'Styles live in src/styles.' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  // A virtual list places its rows by numbers that only exist at run time.
  { files: ['src/components/virtual-rows.tsx', 'src/features/change-request/activity-list.tsx'], rules: { 'no-restricted-syntax': 'off' } },
  // The virtualizer changes under its caller on purpose; no compiler memoizes here.
  { files: ['src/lib/use-rows.ts'], rules: { 'react-hooks/incompatible-library': 'off' } },
  restrict(['src/app/**'], [], false),
  restrict(['src/components/**'], ['@/app/*', '@/features/**'], false),
  restrict(['src/lib/**'], ['@/app/*', '@/features/**', '@/components/*'], true),
  ...FEATURES.map((feature) =>
    restrict(
      [`src/features/${feature}/**`],
      ['@/app/*', ...FEATURES.filter((other) => other !== feature).map((other) => `@/features/${other}/**`)],
      false,
    ),
  ),
);
