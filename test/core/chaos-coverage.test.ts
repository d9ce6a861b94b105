import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PERFORMED } from '../../chaos/coverage.ts'
import { root } from '../../scripts/wrangler.ts'

test.each(Object.entries(PERFORMED))('[CHAOS] the people of the chaos do perform %s', (_, [file, words]) => {
  const places = readFileSync(join(root, 'chaos', file), 'utf8').split(words).length - 1
  const rows = Object.values(PERFORMED).filter((other) => other[0] === file && other[1] === words).length

  expect(places).toBeGreaterThanOrEqual(rows)
})
