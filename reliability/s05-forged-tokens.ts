import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseEnv } from 'node:util'
import type { JWK } from 'jose'
import { forgeriesOf, type Forged } from '../test/support/forgeries.ts'
import { APIS } from '../chaos/dialects.ts'
import { ask } from '../harness/rest.ts'
import { type Guest, newGuest } from './guest.ts'
import { PlainSocket } from './plain-socket.ts'
import type { Row } from './row.ts'

/** A way in for whoever holds a token: answers whether it let them in, and how it showed that. */
type Entry = {
  name: string
  admits: (token: string) => Promise<{ isIn: boolean; shown: string }>
  /** What lets them in who may. */
  proof: (guest: Guest) => Promise<string>
}

const AT_LEAST = 40
const STAYS_FOR_MS = 3_000
/** Document 003 keeps a stranger for a while, but says no to them. */
const ADMITTED = /"type":"(?:hello|authenticated)"/

/** Tokens that somebody made up, at every door that takes one. */
export const forgedTokens: Row = {
  id: 'S5',
  demands: `at least ${AT_LEAST} forged access tokens × every entry: none is let in`,
  run: async ({ server: prepare }) => {
    const server = await prepare()
    await server.start()
    const [someone, other] = [await newGuest(server.url), await newGuest(server.url)]
    const { SIGNING_KEYS = '' } = parseEnv(readFileSync(server.secretsFile, 'utf8'))
    const [key] = JSON.parse(SIGNING_KEYS) as [JWK]
    const of: Forged = {
      key,
      issuer: 'causerie',
      ...someone,
      userId: someone.id,
      accessToken: someone.token,
      otherId: other.id,
    }
    const forgeries = await forgeriesOf(of)
    const entries = [...(await restEntries(server.url)), ...socketEntries(server.url)]
    const admitted: string[] = []
    const broken: string[] = []
    const shownBy = new Map<string, number>()
    for (const entry of entries) {
      for (const { what, token } of forgeries) {
        const { isIn, shown } = await entry.admits(token)
        shownBy.set(shown, (shownBy.get(shown) ?? 0) + 1)
        if (isIn) admitted.push(`${entry.name}: one ${what} (${shown})`)
      }
      // A door that lets nobody in shows nothing. Somebody new, for what a good token does may be to sign out.
      const { isIn } = await entry.admits(await entry.proof(await newGuest(server.url)))
      if (!isIn) broken.push(entry.name)
    }
    await server.kill()
    const said = [...shownBy].map(([shown, times]) => `${times} × ${shown}`).join(', ')
    const figure =
      `${forgeries.length} forgeries × ${entries.length} entries: ${admitted.length} let in (${said}); ` +
      `a token made right was let in at all but ${broken.length}` +
      [...admitted, ...broken].map((line) => `\n     ${line}`).join('')
    return { isGood: forgeries.length >= AT_LEAST && admitted.length + broken.length === 0, figure }
  },
}

/** Every route that asks who it is, the ticket's and those of the documents among them, as the server itself lists them. */
const restEntries = async (base: string): Promise<Entry[]> => {
  const answer = await fetch(`${base}/openapi.json`)
  const { paths } = (await answer.json()) as { paths: Record<string, Record<string, { security: object[] }>> }
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { security }]) =>
      security.length === 0 ? [] : [restEntry(base, method.toUpperCase(), path.replaceAll(/\{\w+\}/g, '987654321'))],
    ),
  )
}

const restEntry = (base: string, method: string, path: string): Entry => ({
  name: `${method} ${path}`,
  admits: async (token) => {
    const { status } = await ask(base, { method, path, token, ...(method !== 'GET' && { json: {} }) })
    return { isIn: status !== 401, shown: String(status) }
  },
  proof: token,
})

const socketEntries = (base: string): Entry[] => [
  socketEntry('the header of /v1/socket', token, (proof) =>
    open(`${base}/v1/socket`, { authorization: `Bearer ${proof}` }),
  ),
  // What lets in here is a ticket, and no access token of any kind.
  socketEntry('the query of /v1/socket', ticketOf(base), (proof) =>
    open(`${base}/v1/socket?ticket=${encodeURIComponent(proof)}`, {}),
  ),
  socketEntry('the subprotocol of /v1/socket', ticketOf(base), (proof) =>
    open(`${base}/v1/socket`, { 'sec-websocket-protocol': `causerie.v1, ticket.${proof}` }),
  ),
  ...APIS.map(({ document, socket, firstFrame }) =>
    socketEntry(`the socket of document ${document}`, token, (proof) =>
      open(`${base}${socket(encodeURIComponent(proof))}`, {}, firstFrame && JSON.stringify(firstFrame(proof))),
    ),
  ),
]

const token: Entry['proof'] = (guest) => Promise.resolve(guest.token)

const ticketOf =
  (base: string): Entry['proof'] =>
  async ({ token }) => {
    const answer = await ask<{ ticket: string }>(base, { method: 'POST', path: '/v1/auth/ticket', token })
    return answer.status !== null && answer.ok ? answer.body.ticket : ''
  }

const socketEntry = (name: string, proof: Entry['proof'], tryWith: (proof: string) => Promise<string>): Entry => ({
  name,
  admits: async (given) => {
    const shown = await tryWith(given)
    return { isIn: shown === 'open', shown }
  },
  proof,
})

/** What became of the upgrade: `open`, or how it was refused. */
const open = async (url: string, headers: Record<string, string>, firstFrame?: string): Promise<string> => {
  const socket = await PlainSocket.open(url, headers)
  if (!socket) return 'no upgrade'
  const said = new Promise<string>((resolve) => {
    socket.hear = (text) => resolve(ADMITTED.test(text) ? 'open' : 'told no')
  })
  if (firstFrame !== undefined) socket.send(firstFrame)
  // The documents have no word of welcome: a socket that stays is open.
  const staying = sleep(STAYS_FOR_MS, 'open', { ref: false })
  const shown = await Promise.race([said, socket.closed.then((code) => `closed ${code}`), staying])
  socket.cut()
  return shown
}
