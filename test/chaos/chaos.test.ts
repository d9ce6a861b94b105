import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { root } from '../../scripts/wrangler.ts'

test('nothing is lost, doubled, reordered or leaked while the server is killed and the network cut', async () => {
  const driver = spawn(process.execPath, ['chaos/driver.ts', '--quick'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void driver.kill())
  let said = ''
  for (const stream of [driver.stdout, driver.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))

  const [code] = await once(driver, 'close')

  // The seed and whatever was found are in what it said.
  expect(said).toContain('\n0 violations')
  expect(code, said).toBe(0)
})
