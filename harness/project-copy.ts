import { cpSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../scripts/wrangler.ts'

const NEEDED = [
  'src',
  'chaos',
  'harness',
  'migrations',
  'scripts',
  'wrangler.toml',
  'package.json',
  'tsconfig.json',
  'drizzle.config.ts',
]

/** A copy of the project that can be built, for a change that is made to it; the packages are shared. */
export const copyProject = (folder: string): void => {
  mkdirSync(folder, { recursive: true })
  for (const name of NEEDED) cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
}
