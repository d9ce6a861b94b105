// Builds the web app into dist/web. Wrangler runs it before it bundles the server, and again when src/web changes.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { build } from 'esbuild'

const OUT = 'dist/web'

const filesIn = async (folder) => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

const { outputFiles } = await build({
  entryPoints: ['src/web/main.tsx', 'src/web/docs.css'],
  outdir: OUT,
  write: false,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  minify: true,
  sourcemap: true,
  legalComments: 'none',
  logLevel: 'warning',
})

const built = new Map(outputFiles.map(({ path, contents }) => [relative('.', path), Buffer.from(contents)]))
built.set(join(OUT, 'index.html'), await readFile('src/web/index.html'))
for (const file of await filesIn('src/web/public')) {
  built.set(join(OUT, relative('src/web/public', file)), await readFile(file))
}

// A server that is running restarts when a file here is touched, so those that stay the same are left alone.
await mkdir(OUT, { recursive: true })
for (const file of await filesIn(OUT)) if (!built.has(file)) await rm(file)
for (const [file, contents] of built) {
  if ((await readFile(file).catch(() => null))?.equals(contents)) continue
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, contents)
}
