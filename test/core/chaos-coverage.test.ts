import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PERFORMED } from '../../chaos/coverage.ts'
import { root } from '../../scripts/wrangler.ts'

test.each(Object.entries(PERFORMED))('[CHAOS] the people of the chaos do perform %s', (_, [file, words]) => {
  expect(readFileSync(join(root, 'chaos', file), 'utf8')).toContain(words)
})
