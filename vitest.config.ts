import { availableParallelism } from 'node:os'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-pool-workers'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import type { Plugin } from 'vite'
import { newSecrets } from './scripts/secrets.ts'
import { LIFE_IS_OVER } from './test/simulation/storage.ts'

const secrets = newSecrets()
// Reading wrangler.toml warns of secrets that are neither in .dev.vars nor here.
Object.assign(process.env, secrets)

// Polling a state that is there costs nothing more; a busy machine takes its time to bring it about.
const patient = { poll: { timeout: 15_000 } }

/** Outside the runtime a migration is a text all the same. */
const sqlText: Plugin = {
  name: 'sql-text',
  enforce: 'pre',
  transform: (code, id) => (id.endsWith('.sql') ? `export default ${JSON.stringify(code)}` : null),
}

export default defineConfig({
  test: {
    // A test that waits leaves its core to another; the tool itself needs little.
    maxWorkers: availableParallelism() + 1,
    // A timer of a simulated object that died fires all the same, and finds its storage closed; the runtime's would not fire.
    onUnhandledError: ({ message }) => message !== LIFE_IS_OVER,
    reporters: ['default', './scripts/closing-line.ts'],
    projects: [
      { test: { name: 'core', include: ['test/core/**/*.test.ts'], testTimeout: 60_000 } },
      {
        plugins: [sqlText],
        resolve: {
          alias: { 'cloudflare:workers': fileURLToPath(new URL('test/simulation/workers.ts', import.meta.url)) },
        },
        test: {
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          setupFiles: ['test/simulation/setup.ts'],
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              bindings: {
                ...secrets,
                BACKUP_TOKEN: 'a-token-that-is-long-enough-to-be-one',
                COMMANDS_PER_10_SECONDS: '100000',
                MODEL_RUNS: process.env['MODEL_RUNS'] ?? '6',
                MODEL_SEED: process.env['MODEL_SEED'] ?? '',
                TEST_MIGRATIONS: await readD1Migrations('migrations/directory'),
              },
            },
          }),
        ],
        test: {
          name: 'worker',
          include: ['test/{worker,dialects,authz}/**/*.test.ts'],
          setupFiles: ['test/support/worker-setup.ts'],
          testTimeout: 60_000,
          expect: patient,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'web',
          include: ['test/web/**/*.test.ts'],
          testTimeout: 240_000,
          expect: patient,
          hookTimeout: 240_000,
          // A server and a browser want the machine for themselves.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          testTimeout: 600_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'fuzz',
          include: ['test/fuzz/**/*.test.ts'],
          testTimeout: 600_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
})
