import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../../scripts/wrangler.ts'

/** By what a worker reaches another address: a request, a socket, and what jose would fetch keys with. */
const OUTGOING =
  /(?<![\w.])fetch\(|globalThis\.fetch|new (?:WebSocket|EventSource)\(|cloudflare:sockets|createRemoteJWKSet/

test('the server fetches nothing: no address that anybody gives it is ever asked', () => {
  const sources = globSync('src/{contract,core,dialects,directory,http,objects,protocol,worker}/**/*.ts', { cwd: root })
  // Their own methods of that name answer requests.
  const lines = (file: string) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .filter((line) => !/async fetch\(/.test(line))

  expect(sources.length).toBeGreaterThan(100)
  expect(sources.filter((file) => lines(file).some((line) => OUTGOING.test(line)))).toEqual([])
  expect(OUTGOING.test('const answer = await fetch(address)')).toBe(true)
  // What the platform offers to reach others by.
  expect(readFileSync(join(root, 'wrangler.toml'), 'utf8')).not.toMatch(
    /\[\[?(?:services|vpc|hyperdrive|browser|dispatch)/,
  )
})
