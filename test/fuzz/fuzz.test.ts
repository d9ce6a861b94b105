import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { root } from '../../scripts/wrangler.ts'

test('a thousand hostile inputs come to no fault, close no socket and change nothing that they were refused', async () => {
  const driver = spawn(process.execPath, ['--no-warnings', 'fuzz/driver.ts', '--inputs', '1000', '--patience', '30'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void driver.kill())
  let said = ''
  for (const stream of [driver.stdout, driver.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))

  const [code] = await once(driver, 'close')

  // The seed and whatever was found are in what it said.
  expect(said).toContain('\n0 findings')
  expect(code, said).toBe(0)
})
