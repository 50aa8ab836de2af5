import { readdirSync } from 'node:fs';

// Every directory there is a feature: none can be left out by being forgotten.
const FEATURES = readdirSync(new URL('src/features', import.meta.url));

const STYLE = ['error', { forbid: [{ propName: 'style', message: 'Styles live in src/styles.' }] }];

// app → features → components → lib. Features are strangers to one another, as the pipeline's stages are, and effects
// live in lib/, one hook each.
function restrict(files, forbidden, effects) {
  const patterns = forbidden.length ? [{ group: forbidden, message: 'app → features → components → lib.' }] : [];
  const paths = effects
    ? []
    : [{ name: 'react', importNames: ['useEffect', 'useLayoutEffect'], message: 'Effects live in lib/, one hook each.' }];
  return { files, excludeFiles: ['**/*.test.tsx'], rules: { 'no-restricted-imports': ['error', { paths, patterns }] } };
}

const errors = (plugin, names) => Object.fromEntries(names.map((name) => [plugin ? `${plugin}/${name}` : name, 'error']));

export default {
  plugins: ['eslint', 'typescript', 'react', 'oxc'],
  jsPlugins: ['./nominal-classes.js'],
  // Types are checked in the same pass, by the compiler that the typed rules ask: a second pass would do it all again.
  options: { typeAware: true, typeCheck: true, denyWarnings: true, reportUnusedDisableDirectives: 'error' },
  categories: { correctness: 'error' },
  ignorePatterns: ['src/api/schema.d.ts', '*.js'],
  rules: {
    ...errors('', ['no-console', 'no-var', 'prefer-const', 'prefer-rest-params', 'prefer-spread']),
    'max-lines': ['error', 250],
    // Control characters are what is looked for, to take them out.
    'no-control-regex': 'off',
    'house/nominal-classes': 'error',
    // What typescript-eslint calls strict and type-checked, and three of its rules beside that.
    ...errors('typescript', [
      'await-thenable', 'consistent-type-imports', 'no-array-constructor', 'no-array-delete',
      'no-base-to-string', 'no-deprecated', 'no-duplicate-enum-values', 'no-duplicate-type-constituents',
      'no-dynamic-delete', 'no-empty-object-type', 'no-explicit-any', 'no-extra-non-null-assertion',
      'no-extraneous-class', 'no-floating-promises', 'no-for-in-array', 'no-generated-empty-object-type',
      'no-implied-eval', 'no-invalid-void-type', 'no-meaningless-void-operator', 'no-misused-new',
      'no-misused-promises', 'no-misused-spread', 'no-mixed-enums', 'no-namespace',
      'no-non-null-asserted-nullish-coalescing', 'no-non-null-asserted-optional-chain',
      'no-non-null-assertion', 'no-redundant-type-constituents', 'no-require-imports', 'no-this-alias',
      'no-unnecessary-boolean-literal-compare', 'no-unnecessary-condition',
      'no-unnecessary-template-expression', 'no-unnecessary-type-arguments', 'no-unnecessary-type-assertion',
      'no-unnecessary-type-constraint', 'no-unnecessary-type-conversion', 'no-unnecessary-type-parameters',
      'no-unsafe-argument', 'no-unsafe-assignment', 'no-unsafe-call', 'no-unsafe-declaration-merging',
      'no-unsafe-enum-assignment', 'no-unsafe-enum-comparison', 'no-unsafe-function-type',
      'no-unsafe-member-access', 'no-unsafe-return', 'no-unsafe-unary-minus', 'no-unused-vars',
      'no-useless-constructor', 'no-useless-default-assignment', 'no-wrapper-object-types',
      'only-throw-error', 'prefer-as-const', 'prefer-literal-enum-member', 'prefer-namespace-keyword',
      'prefer-promise-reject-errors', 'prefer-reduce-type-parameter', 'prefer-return-this-type',
      'related-getter-setter-pairs', 'require-await', 'triple-slash-reference', 'unbound-method',
      'unified-signatures', 'use-unknown-in-catch-callback-variable',
    ]),
    'typescript/ban-ts-comment': ['error', { minimumDescriptionLength: 10 }],
    'typescript/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    'typescript/no-unused-expressions': ['error', { allowShortCircuit: false, allowTaggedTemplates: false, allowTernary: false }],
    'typescript/restrict-plus-operands': ['error', { allowAny: false, allowBoolean: false, allowNullish: false, allowNumberAndString: false, allowRegExp: false }],
    'typescript/restrict-template-expressions': ['error', { allowNumber: true }],
    'typescript/return-await': ['error', 'error-handling-correctness-only'],
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    // The rules of React, as its compiler knows them.
    ...errors('react', [
      'error-boundaries', 'exhaustive-deps', 'globals', 'immutability', 'incompatible-library',
      'preserve-manual-memoization', 'purity', 'refs', 'rules-of-hooks', 'set-state-in-effect',
      'set-state-in-render', 'static-components', 'unsupported-syntax', 'use-memo', 'void-use-memo',
    ]),
    'react/forbid-component-props': STYLE,
    'react/forbid-dom-props': STYLE,
  },
  overrides: [
    // A virtual list places its rows by numbers that only exist at run time.
    { files: ['src/components/virtual-rows.tsx', 'src/features/change-request/activity-list.tsx'], rules: { 'react/forbid-dom-props': 'off' } },
    // The virtualizer changes under its caller on purpose; no compiler memoizes here.
    { files: ['src/lib/use-rows.ts'], rules: { 'react/incompatible-library': 'off' } },
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
  ],
};
