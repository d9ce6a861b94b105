import { existsSync, globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const PAGES = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync('docs/*.md')]
const RULES = [...readFileSync('docs/protocol.md', 'utf8').matchAll(/^- \*\*\[([A-Z]+\d+)\]\*\*/gm)].map(([, id]) => id)
const TITLES = globSync('test/**/*.test.ts').map((file) => readFileSync(file, 'utf8'))
const SCRIPTS = Object.keys((JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: object }).scripts)
const SOURCES = globSync('src/**/*.ts').map((file) => readFileSync(file, 'utf8'))

const found = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, it = '']) => it)

test.each(PAGES)('every test, rule, file and command that %s names exists', (page) => {
  const text = readFileSync(page, 'utf8')
  const files = found(text, /`((?:test|docs|src|scripts|harness|chaos|reliability|fuzz|bench)\/[\w./-]+)`/g)
  const links = found(text, /\]\(((?!https?:|#)[^)#]+)/g).map((link) =>
    page.includes('/') ? `${page.replace(/[^/]+$/, '')}${link}` : link,
  )

  expect([...files, ...links].filter((file) => !existsSync(file))).toEqual([])
  expect(found(text, /\[([A-Z]+\d+)\]/g).filter((id) => !RULES.includes(id))).toEqual([])
  expect(found(text, /“([^”]+)”/g).filter((title) => !TITLES.some((file) => file.includes(title)))).toEqual([])
  expect(found(text, /npm run ([\w-]+)/g).filter((name) => !SCRIPTS.includes(name))).toEqual([])
})

test('every event of the log has a line that says what to do', () => {
  const [, log = ''] = readFileSync('docs/operations.md', 'utf8').split('| event ')
  const explained = new Set(found(log.split('\n\n')[0] ?? '', /`([a-z-]+\.[a-z-]+)`/g))
  const logged = SOURCES.flatMap((source) => [
    ...found(source, /\b(?:logFault|log)\(\s*'([a-z-]+\.[a-z-]+)'/g),
    ...found(source, /event: '([a-z-]+\.[a-z-]+)', error/g),
    ...found(source, /'(request\.(?:failed|unavailable))'/g),
  ])

  expect(new Set(logged)).toEqual(explained)
})
