import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** A rule is switched off for a reason, and the reason stands beside it. */
const reasons = {
  rules: {
    'say-why': {
      meta: {
        type: 'suggestion',
        messages: { missing: 'Say why after `--`: // eslint-disable-next-line rule -- reason' },
      },
      create(context) {
        return {
          Program() {
            for (const comment of context.sourceCode.getAllComments()) {
              if (!/^\s*eslint-disable/.test(comment.value)) continue;
              if (!/\s--\s+\S/.test(comment.value)) context.report({ loc: comment.loc, messageId: 'missing' });
            }
          },
        };
      },
    },
  },
};

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', '.gatehouse/', '.toolchain/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { reasons },
    rules: {
      'reasons/say-why': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
      // Code longer than this hides two ideas; comments cost nothing.
      'max-lines': ['error', { max: 350, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'TSAsExpression > TSAsExpression > TSUnknownKeyword.typeAnnotation',
          message: '`as unknown as` hides what the compiler knows: decode the value, or narrow it by a guard.',
        },
        {
          selector: 'TSInterfaceDeclaration[id.name=/^I[A-Z][a-z]/]',
          message: 'An interface is named for what it is, without an I.',
        },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // A method of a port may be async for its promise alone.
      '@typescript-eslint/require-await': 'off',
    },
  },
  // A module of Nest is a class with nothing in it but its decorator.
  { files: ['**/*.ts'], rules: { '@typescript-eslint/no-extraneous-class': 'off' } },
  // What people read on their terminal.
  {
    files: ['scripts/**', 'deploy/image/**', 'apps/cli/**', 'test/bench/**', '**/main.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.spec.ts'],
    rules: {
      'max-lines': 'off',
      // supertest and fetch give `any` for a body that the test then compares with what it should be.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['*.js', '*.cjs', '**/*.mjs', 'apps/cli/bin/*.js'],
    languageOptions: {
      globals: { console: 'readonly', process: 'readonly', module: 'readonly', URL: 'readonly' },
    },
  },
  { files: ['*.js', '*.cjs', 'apps/cli/bin/*.js'], extends: [tseslint.configs.disableTypeChecked] },
  {
    files: ['scripts/**/*.mjs', 'deploy/image/*.mjs'],
    rules: {
      'no-undef': 'off', // the compiler checks these files, with the types of Node
      // JSON.parse of our own files, whose type stands in a doc comment.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
);
