import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const DOC = readFileSync('docs/dependencies.md', 'utf8')
const [REASONS = ''] = DOC.split('## Measured')
const [, ADVISORIES = ''] = DOC.split('## Advisories')
const PACKAGE = JSON.parse(readFileSync('package.json', 'utf8')) as Record<
  'dependencies' | 'devDependencies' | 'allowScripts',
  Record<string, string>
>
/** Every direct dependency with its version; an alias has that of what it stands for. */
const DIRECT = Object.entries({ ...PACKAGE.dependencies, ...PACKAGE.devDependencies }).map(
  ([name, version]) => [name, version.replace(/^npm:.*@/, '')] as const,
)

const rowsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
const namesIn = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)

test('every direct dependency has its reason, and nothing else has one', () => {
  const named = rowsOf(REASONS).flatMap(([cell]) => namesIn(cell))

  expect(named.toSorted()).toEqual(DIRECT.map(([name]) => name).toSorted())
})

test('every direct dependency was looked up for advisories in the version that is installed', () => {
  const looked = rowsOf(ADVISORIES).map(([cell, version]) => `${namesIn(cell).join()} ${version}`)

  expect(looked.toSorted()).toEqual(DIRECT.map(([name, version]) => `${name} ${version}`).toSorted())
  expect(rowsOf(ADVISORIES).filter((cells) => cells.length !== 4 || cells.includes(''))).toEqual([])
})

test('versions are exact, and the lockfile names no registry', () => {
  expect(DIRECT.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
  expect(readFileSync('package-lock.json', 'utf8')).not.toMatch(/"resolved": "https?:/)
})

/** Of what is for other systems the lockfile was made without a copy to take the hash of. */
const isElsewhere = ({ os }: { os?: string[] }): boolean => os !== undefined && !os.includes('linux')

test('the lockfile has the hash of what is installed here, and the packages whose installation runs something are named', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { integrity?: string; os?: string[]; hasInstallScript?: boolean }>
  }
  const locked = Object.entries(packages).filter(([path]) => path !== '')
  const running = locked.filter(([, each]) => each.hasInstallScript)

  expect(locked.filter(([, each]) => !each.integrity?.startsWith('sha512-') && !isElsewhere(each))).toEqual([])
  expect([...new Set(running.map(([path]) => path.replace(/^.*node_modules\//, '')))].toSorted()).toEqual(
    Object.keys(PACKAGE.allowScripts).toSorted(),
  )
})

test('the lockfile has the packages of every platform, or a clean installation is refused', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>
  }
  const locked = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')))
  const optional = Object.values(packages).flatMap((each) => Object.keys(each.optionalDependencies ?? {}))

  expect(optional.filter((name) => !locked.has(name))).toEqual([])
})
