import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PLANTED_FAULTS } from '../../chaos/planted-faults.ts'
import { root } from '../../scripts/wrangler.ts'

test.each(Object.entries(PLANTED_FAULTS))('[CHAOS] the code still has the place for this fault: %s', (_, { edits }) => {
  for (const { file, find } of edits) {
    expect(readFileSync(join(root, file), 'utf8').split(find), `${file}: ${find}`).toHaveLength(2)
  }
})
