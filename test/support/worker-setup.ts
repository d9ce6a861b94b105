import { applyD1Migrations, type D1Migration } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect } from 'vitest'
import { takeComplaints } from './raw-socket.ts'

declare global {
  namespace Cloudflare {
    interface Env {
      TEST_MIGRATIONS: D1Migration[]
      MODEL_RUNS: string
      MODEL_SEED: string
    }
  }
}

await applyD1Migrations(env.DIRECTORY, env.TEST_MIGRATIONS)

afterEach(() => expect(takeComplaints()).toEqual([]))
