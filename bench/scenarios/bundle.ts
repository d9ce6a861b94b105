import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { environment, root, wrangler } from '../../scripts/wrangler.ts'
import type { Scenario } from '../scenario.ts'

const name = { scenario: 'the worker bundle', subject: 'causerie', metric: 'all its modules, gzip' }

/** What a deployment uploads. */
export const bundle: Scenario = {
  name: 'bundle',
  bars: [
    {
      claim: 'The worker bundle, in KiB of gzip',
      atMost: 200,
      of: (figures) => {
        const bytes = figures.median(name)
        return bytes === null ? null : bytes / 1024
      },
    },
  ],
  run: async ({ folder }) => {
    const outdir = join(folder, 'bundle')
    const args = [...wrangler.args, 'deploy', '--dry-run', '--outdir', outdir]
    const { status, stderr } = spawnSync(wrangler.command, args, { cwd: root, env: environment, encoding: 'utf8' })
    if (status !== 0) throw new Error(`wrangler could not make the bundle: ${stderr}`)
    const modules = readdirSync(outdir).filter((file) => /\.(js|wasm|sql)$/.test(file))
    const bytes = gzipSync(Buffer.concat(modules.map((file) => readFileSync(join(outdir, file))))).length
    return [{ ...name, unit: 'bytes', values: [bytes] }]
  },
}
