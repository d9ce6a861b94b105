import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { newSecrets } from '../../scripts/secrets.ts'
import { environment, root, wrangler } from '../../scripts/wrangler.ts'

mkdirSync(join(root, '.wrangler'), { recursive: true })
const FOLDER = mkdtempSync(join(root, '.wrangler/bundle-'))
afterAll(() => rmSync(FOLDER, { recursive: true }))

type Bundle = { code: string; inputs: string[] }

/** What `npm run deploy` would upload, or the same from another entry. */
const build = (name: string, entry = 'src/index.ts'): Bundle => {
  const out = join(FOLDER, name)
  const args = ['deploy', entry, '--dry-run', '--outdir', out, '--metafile', join(out, 'meta.json')]
  const { status, output } = spawnSync(wrangler.command, [...wrangler.args, ...args], {
    cwd: root,
    env: { ...environment, ...newSecrets() },
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(output.join(''))
  const { inputs } = JSON.parse(readFileSync(join(out, 'meta.json'), 'utf8')) as { inputs: Record<string, object> }
  return { code: readFileSync(join(out, `${basename(entry, '.ts')}.js`), 'utf8'), inputs: Object.keys(inputs) }
}

const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object }
const MAY_CONTAIN = ['src/', 'migrations/', ...Object.keys(dependencies).map((name) => `node_modules/${name}/`)]
/** What the server may be told from outside: its bindings, and the secrets that need not be there. */
const MAY_READ = [
  ...readFileSync(join(root, 'worker-configuration.d.ts'), 'utf8').matchAll(/^\t\t?([A-Z][A-Z_0-9]+): /gm),
]
  .map(([, name]) => name)
  .concat('METRICS_TOKEN', 'BACKUP_TOKEN')
/** By what tests reach into objects. */
const TOOLS = globSync('test/**/*.ts', { cwd: root })
  .flatMap((file) => [...readFileSync(join(root, file), 'utf8').matchAll(/import \{([^}]+)\} from 'cloudflare:test'/g)])
  .flatMap(([, names = '']) => names.split(',').map((name) => name.trim()))
  .filter((name) => /^[a-z]\w+$/.test(name))
// A conversation ends itself after a restoration, and a hub where its storage refuses a write.
const ENDS = 2

/** Everything in a bundle by which a test, or somebody else, could make the server fail or look inside. */
const hooksIn = ({ code, inputs }: Bundle): string[] => {
  const foreign = inputs.filter((input) => !MAY_CONTAIN.some((place) => input.startsWith(place)))
  // In the sources, for in the bundle variables have other names.
  const switches = inputs
    .filter((input) => !input.startsWith('node_modules/'))
    .flatMap((input) => [...readFileSync(join(root, input), 'utf8').matchAll(/\benv\.([A-Z][A-Z_0-9]+)\b/g)])
    .map(([, name = '']) => name)
  const ends = code.match(/\bctx\.abort\(/g)?.length ?? 0
  return [
    ...foreign.map((input) => `contains ${input}`),
    ...new Set(switches.filter((name) => !MAY_READ.includes(name)).map((name) => `reads ${name}`)),
    ...new Set(TOOLS.filter((name) => code.includes(name)).map((name) => `names ${name}`)),
    ...(ends > ENDS ? [`ends an object in ${ends} places`] : []),
    ...(/\bdebugger\b/.test(code) ? ['stops for a debugger'] : []),
  ]
}

test('the production bundle has no hook of a test, and no secret', () => {
  const bundle = build('production')
  const values = readFileSync(join(root, '.dev.vars.example'), 'utf8').match(/^[A-Z_]+(?==)/gm) ?? []
  const local = globSync('.dev.vars', { cwd: root }).flatMap((file) =>
    readFileSync(join(root, file), 'utf8').split('\n'),
  )
  const secrets = local.flatMap((line) => [...line.matchAll(/"d":"([^"]+)"|^REFRESH_SECRET='([^']+)'/g)])

  expect(bundle.inputs).toContain('src/index.ts')
  expect(bundle.code).toContain('message.client_id_reused')
  expect(TOOLS).toContain('evictDurableObject')
  expect(values.filter((name) => !MAY_READ.includes(name))).toEqual([])
  expect(hooksIn(bundle)).toEqual([])
  expect(secrets.filter(([, key, word]) => bundle.code.includes(key ?? word ?? ''))).toEqual([])
}, 120_000)

test('a hook of any kind would be found', () => {
  const folder = join(FOLDER, 'planted')
  mkdirSync(folder)
  const entry = join(folder, 'index.ts')
  const source = relative(folder, join(root, 'src/index.ts'))
  writeFileSync(
    entry,
    `import app, { Conversation, UserHub } from '${source}'
     Object.assign(Conversation.prototype, { die() { this.ctx.abort('planted') } })
     const faulty = { fetch: (request, env, ctx) => {
       if (env.FAULT_RATE > Math.random()) debugger
       return request.headers.has('evictDurableObject') ? new Response() : app.fetch(request, env, ctx)
     } }
     export { Conversation, UserHub, faulty as default }`,
  )

  const found = hooksIn(build('faulty', entry))

  expect(found).toEqual([
    `contains ${relative(root, entry)}`,
    'reads FAULT_RATE',
    'names evictDurableObject',
    'ends an object in 3 places',
    'stops for a debugger',
  ])
}, 120_000)

test('so would the doors that `npm run chaos` opens', () => {
  const found = hooksIn(build('chaos', 'chaos/inside/worker.ts'))

  expect(found).toContain('contains chaos/inside/worker.ts')
  expect(found.filter((each) => each.startsWith('ends an object'))).not.toEqual([])
}, 120_000)
