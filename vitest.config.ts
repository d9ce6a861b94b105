import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-pool-workers'
import { defineConfig } from 'vitest/config'

const { privateKey } = generateKeyPairSync('ed25519')
const signingKey = { ...privateKey.export({ format: 'jwk' }), kid: 'test', alg: 'EdDSA', use: 'sig' }

// Wrangler looks for secrets in .dev.vars and then in the environment; the bindings below hold in both cases.
process.env['SIGNING_KEYS'] = JSON.stringify([signingKey])
process.env['REFRESH_SECRET'] = randomBytes(32).toString('base64url')

const worker = cloudflareTest({
  wrangler: { configPath: './wrangler.toml' },
  miniflare: {
    bindings: {
      SIGNING_KEYS: process.env['SIGNING_KEYS'],
      REFRESH_SECRET: process.env['REFRESH_SECRET'],
      // Random tests send as fast as they can.
      COMMANDS_PER_10_SECONDS: '100000',
      TEST_MIGRATIONS: await readD1Migrations('migrations/directory'),
    },
  },
})

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'core', include: ['test/core/**/*.test.ts'] } },
      {
        plugins: [worker],
        test: {
          name: 'worker',
          include: ['test/worker/**/*.test.ts'],
          setupFiles: ['test/support/worker-setup.ts'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'web',
          include: ['test/web/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // Each file starts a server and a browser of its own.
          fileParallelism: false,
        },
      },
    ],
  },
})
