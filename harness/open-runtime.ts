// Runs by itself, for `bundle.ts`: opens the runtime once, as wrangler would, but without the workers that wrangler puts before a server for
// people who develop, which no deployed server has before it.
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { argv } from 'node:process'
import { parseEnv } from 'node:util'
import { unstable_getMiniflareWorkerOptions as optionsOf } from 'wrangler'
import type { Build } from './bundle.ts'

/** What makes the configuration of the runtime; wrangler brings it. */
const { Miniflare, convertV4MiniflareOptions } = createRequire(import.meta.resolve('wrangler'))('miniflare') as {
  Miniflare: new (options: unknown) => { ready: Promise<unknown> }
  convertV4MiniflareOptions: (options: unknown) => unknown
}

type Options = {
  assets?: unknown
  modulesRules?: unknown
  compatibilityFlags?: string[]
  bindings?: Record<string, unknown>
}

const TYPES: Record<string, string> = { js: 'ESModule', sql: 'Text', wasm: 'CompiledWasm' }

const { main, build } = JSON.parse(argv[2] ?? '') as { main: string; build: Build }
const found: Options = optionsOf(join(build.tree, 'wrangler.toml')).workerOptions
const modules = readdirSync(dirname(main))
  .map((name) => ({ type: TYPES[name.split('.').at(-1) ?? ''], path: join(dirname(main), name) }))
  .filter(({ type }) => type !== undefined)
  .sort((a, b) => Number(b.path === main) - Number(a.path === main))
const { assets, modulesRules: _, ...options } = found
const runtime = new Miniflare(
  convertV4MiniflareOptions({
    ...options,
    ...(build.pages ? { assets } : {}),
    name: 'causerie',
    modules,
    modulesRoot: dirname(main),
    // Those of the project, and the doors of the test build.
    compatibilityFlags: [...(options.compatibilityFlags ?? []), 'unsafe_module'],
    bindings: { ...options.bindings, ...build.vars, ...parseEnv(readFileSync(build.secrets, 'utf8')) },
    unsafeDirectSockets: [{ host: '127.0.0.1', port: build.port }],
    port: 0,
    host: '127.0.0.1',
    cf: false,
    resourcePersistencePath: join(build.state, 'v3'),
  }),
)
await runtime.ready
