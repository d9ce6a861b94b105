import { defineConfig, type OxlintOverride } from 'oxlint'

const PARTS_OF_WORKER = ['worker', 'contract', 'core', 'directory', 'objects/stubs.ts', 'protocol']

/** What each folder of src may import beside itself. One that is not listed may import none of the others. */
const MAY_IMPORT: Record<string, string[]> = {
  protocol: [],
  core: ['protocol'],
  contract: ['protocol'],
  sdk: ['protocol'],
  web: ['sdk'],
  directory: ['core', 'protocol'],
  objects: ['core', 'directory', 'protocol', 'dialects', '../migrations'],
  worker: ['core', 'directory', 'objects/stubs.ts', 'protocol'],
  http: PARTS_OF_WORKER,
  dialects: PARTS_OF_WORKER,
}

/** Folders that run in any place, and so import these packages only. */
const PACKAGES: Record<string, string[]> = {
  protocol: ['zod'],
  core: [],
  sdk: [],
  web: ['preact', 'preact/*', '@preact/signals'],
}

const mayImport = (folder: string, others: string[]): OxlintOverride => {
  const packages = PACKAGES[folder]
  const forbidden = packages ? ['**', '!./**', ...packages.map((name) => `!${name}`)] : ['../**']
  const allowed = others.map((other) => (other.endsWith('.ts') ? `!../${other}` : `!../${other}/**`))
  const message = `${folder} may import: ${[...others, ...(packages ?? ['packages'])].join(', ') || 'nothing'}.`
  return {
    files: [`src/${folder}/**`],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ group: [...forbidden, ...allowed], message }] }],
    },
  }
}

export default defineConfig({
  plugins: ['typescript', 'unicorn', 'oxc', 'import'],
  categories: { correctness: 'error' },
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: 'error' },
  rules: {
    eqeqeq: ['error', 'always', { null: 'ignore' }],
    'prefer-const': 'error',
    'import/no-cycle': 'error',
    'typescript/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
    'typescript/no-explicit-any': 'error',
    // What the server does not await is lost when its object goes to sleep.
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
  },
  overrides: [
    { files: ['test/**'], rules: { 'typescript/no-base-to-string': 'off' } },
    mayImport('*', []),
    ...Object.entries(MAY_IMPORT).map(([folder, others]) => mayImport(folder, others)),
  ],
  ignorePatterns: ['worker-configuration.d.ts', 'migrations', 'dist'],
})
