import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { newGuest, openClient, openGroup } from './guest.ts'
import type { Row } from './row.ts'
import { putInFront, targetsOf, told } from './s16-injection.ts'

/** All that need neither the network outside nor a list of other people's programs. */
const MODULES =
  'backup,blindsql,cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,methods,permanentxss,redirect,shellshock,sql,xss,xxe'

/** It wants a 1, for a filter that only old browsers have and that could itself be turned against a page: OWASP advises the 0 that is set. */
const MISTAKEN = 'X-XSS-Protection is not set'

type Report = { vulnerabilities: Record<string, { method: string; path: string; info: string }[]> }

/** Someone else's idea of what breaks a web application. */
export const crawl: Row = {
  id: 'S16',
  demands: 'wapiti on the pages and on every kind of query: nothing found, and no 5xx',
  run: async (context) => {
    if (spawnSync('wapiti', ['--version']).error) return { isGood: null, figure: 'needs wapiti' }
    const server = await context.server({ pages: true })
    await server.start()
    const front = await putInFront(server.url)
    const guest = await newGuest(server.url)
    const group = await openGroup(server.url, guest, [await newGuest(server.url)])
    const client = await openClient(server.url, guest)
    const message = (await client.say(group, 'first'))?.result?.message.id ?? 0
    client.socket.cut()
    const starts = targetsOf({ guest, group, message }).flatMap(({ method, path }) =>
      method === undefined ? [path.replace('*', '')] : [],
    )
    const folder = context.folder('memory')
    const report = join(folder, 'report.json')
    const args = [
      `--url=${front.url}/`,
      ...['/docs', ...starts].flatMap((path) => ['--start', front.url + path]),
      `--module=${MODULES}`,
      '--level=2',
      '--scope=domain',
      `--header=Authorization: Bearer ${guest.token}`,
      `--store-session=${folder}`,
      `--store-config=${folder}`,
      '--no-bugreport',
      '--format=json',
      `--output=${report}`,
    ]
    const child = spawn('wapiti', args, { stdio: 'ignore' })
    await once(child, 'close')
    front.close()
    await server.kill()
    const { vulnerabilities } = JSON.parse(readFileSync(report, 'utf8')) as Report
    const findings = Object.entries(vulnerabilities).flatMap(([kind, found]) =>
      found.flatMap(({ method, path, info }) => (info === MISTAKEN ? [] : [`${kind}: ${method} ${path}: ${info}`])),
    )
    return told(`${starts.length + 2} places to begin`, front.statuses, findings)
  },
}
