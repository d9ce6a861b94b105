import { expect, test } from 'vitest'
import type { Refresh, SignedIn } from '../../src/protocol/auth.ts'
import { CauserieError, CauserieNetworkError } from '../../src/sdk/errors.ts'
import { Http } from '../../src/sdk/http.ts'
import { type KeyValueStore, memoryStorage } from '../../src/sdk/storage.ts'
import { Tokens } from '../../src/sdk/tokens.ts'
import type { Call } from '../../src/sdk/transport.ts'

const LIFE_MS = 600_000

/** A server that knows one session: each refresh token works once. */
class Server {
  now = 0
  serial = 0
  refreshes = 0
  isUp = true
  isRevoked = false
  /** How many answers to a renewal do not arrive. */
  loses = 0
  /** Renewals that do not arrive, and that nobody answers until they are given up. */
  readonly hanging: PromiseWithResolvers<never>[] = []
  #lost: (Refresh & { successor: SignedIn }) | null = null
  readonly #expiry = new Map<string, number>()

  signIn(): SignedIn {
    this.serial += 1
    this.#expiry.set(`access${this.serial}`, this.now + LIFE_MS)
    return {
      user: {
        id: 1,
        username: 'alice',
        displayName: 'Alice',
        email: 'alice@example.org',
        createdAt: '2026-01-01T00:00:00.000Z',
      },
      sessionId: 's1',
      accessToken: `access${this.serial}`,
      refreshToken: `refresh${this.serial}`,
      expiresIn: LIFE_MS / 1000,
    }
  }

  async refresh({ refreshToken, ...attempt }: Refresh): Promise<SignedIn> {
    await Promise.resolve()
    if (!this.isUp) throw new CauserieNetworkError('down')
    const hanging = this.hanging.shift()
    if (hanging) await hanging.promise
    this.refreshes += 1
    const isAskedAgain = refreshToken === this.#lost?.refreshToken && attempt.attempt === this.#lost.attempt
    if (!this.isRevoked && this.#lost && isAskedAgain && this.loses === 0) return this.#lost.successor
    if (isAskedAgain) return this.#lose()
    if (this.isRevoked || refreshToken !== `refresh${this.serial}`) throw unauthorized('refresh.reused')
    const successor = this.signIn()
    if (this.loses === 0) return successor
    this.#lost = { refreshToken, ...attempt, successor }
    return this.#lose()
  }

  #lose(): never {
    this.loses -= 1
    throw new CauserieNetworkError('lost')
  }

  async answer(token: string): Promise<string> {
    await Promise.resolve()
    if (this.isRevoked) throw unauthorized('session.revoked')
    if ((this.#expiry.get(token) ?? 0) <= this.now) throw unauthorized('token.expired')
    return token
  }
}

const unauthorized = (code: CauserieError['code']) => new CauserieError(code, 'no', { status: 401 })

/** One page of a browser. */
const pageOf = (server: Server, storage: KeyValueStore = memoryStorage()) => {
  const lost: string[] = []
  const page = { clock: 0 }
  const tokens = new Tokens({
    storage,
    refresh: (input) => server.refresh(input),
    now: () => server.now + page.clock,
    onChange: () => {},
    onLost: (code) => lost.push(code),
  })
  const http = new Http(async <Answer>({ token }: Call) => (await server.answer(token ?? '')) as Answer, tokens)
  return { tokens, http, storage, lost, page }
}

/** Two pages of one browser, in which somebody has signed in. */
const twoPages = async () => {
  const server = new Server()
  const first = pageOf(server)
  await first.tokens.adopt(server.signIn())
  const second = pageOf(server, first.storage)
  await second.tokens.load()
  return { server, first, second }
}

test('[TOK1] a token is renewed before it ends, once for all who ask at that moment', async () => {
  const server = new Server()
  const { tokens, http } = pageOf(server)
  await tokens.adopt(server.signIn())
  expect(await http.get('/')).toBe('access1')

  server.now += LIFE_MS - 10_000
  const answers = await Promise.all([http.get('/'), http.get('/'), http.get('/')])

  expect(answers).toEqual(['access2', 'access2', 'access2'])
  expect(server.refreshes).toBe(1)
})

test('[TOK1] without a network the old token is used for as long as it lives', async () => {
  const server = new Server()
  const { tokens, lost } = pageOf(server)
  await tokens.adopt(server.signIn())
  server.isUp = false

  server.now += LIFE_MS - 10_000
  expect(await tokens.access()).toBe('access1')
  server.now += 10_000
  await expect(tokens.access()).rejects.toBeInstanceOf(CauserieNetworkError)

  expect(lost).toEqual([])
  server.isUp = true
  expect(await tokens.access()).toBe('access2')
})

test('[TOK1] a renewal whose answers were all lost is asked for again as the same one, by whichever page and however late', async () => {
  const { server, first, second } = await twoPages()
  server.loses = 4

  server.now += LIFE_MS
  await expect(first.tokens.access()).rejects.toBeInstanceOf(CauserieNetworkError)
  server.now += LIFE_MS
  await expect(first.tokens.access()).rejects.toBeInstanceOf(CauserieNetworkError)
  server.now += LIFE_MS

  // It was open before the attempt was begun, and knows of it by the storage only.
  expect(await second.tokens.access()).toBe('access2')
  expect(await first.tokens.access()).toBe('access2')
  expect([...first.lost, ...second.lost]).toEqual([])
  expect(JSON.parse((await first.storage.get('tokens')) ?? '')).not.toHaveProperty('attempt')
})

test('[TOK1] a profile that is changed meanwhile leaves the attempt of another page as it is', async () => {
  const { server, first, second } = await twoPages()
  server.loses = 2
  server.now += LIFE_MS
  await expect(first.tokens.access()).rejects.toBeInstanceOf(CauserieNetworkError)

  const me = second.tokens.me
  if (me) await second.tokens.updateMe({ ...me, displayName: 'Alicia' })

  expect(await second.tokens.access()).toBe('access2')
  expect(second.lost).toEqual([])
})

test('[TOK1] an answer that was lost on its way is asked for again at once', async () => {
  const server = new Server()
  const { tokens, lost } = pageOf(server)
  await tokens.adopt(server.signIn())
  server.loses = 1

  server.now += LIFE_MS
  expect(await tokens.access()).toBe('access2')

  expect([lost, server.refreshes]).toEqual([[], 2])
})

test('[TOK4] a renewal leaves alone what somebody else stored who signed in on another page', async () => {
  const server = new Server()
  const { tokens, storage } = pageOf(server)
  await tokens.adopt(server.signIn())
  const other = { user: { id: 2 }, refreshToken: 'of another' }
  await storage.set('tokens', JSON.stringify(other))

  server.now += LIFE_MS
  expect(await tokens.access()).toBe('access2')

  expect(JSON.parse((await storage.get('tokens')) ?? '')).toEqual(other)
})

test('[TOK2] where the clock misleads, the refusal leads to one renewal and one more try', async () => {
  const server = new Server()
  const { tokens, http, page } = pageOf(server)
  await tokens.adopt(server.signIn())

  server.now += LIFE_MS
  page.clock = -LIFE_MS
  const answers = await Promise.all([http.get('/'), http.get('/')])

  expect(answers).toEqual(['access2', 'access2'])
  expect(server.refreshes).toBe(1)
})

test('[TOK3] a refused renewal signs out, says why, and forgets what was stored', async () => {
  const server = new Server()
  const { tokens, http, storage, lost } = pageOf(server)
  await tokens.adopt(server.signIn())
  server.isRevoked = true

  server.now += LIFE_MS
  const refused = await Promise.allSettled([http.get('/'), http.get('/')])

  expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(lost).toEqual(['refresh.reused'])
  expect([tokens.me, await storage.get('tokens')]).toEqual([null, null])
})

test('[TOK3] a request that meets a revoked session signs out at once', async () => {
  const server = new Server()
  const { tokens, http, lost } = pageOf(server)
  await tokens.adopt(server.signIn())
  server.isRevoked = true

  await expect(http.get('/')).rejects.toMatchObject({ code: 'session.revoked' })

  expect(lost).toEqual(['session.revoked'])
  await expect(http.get('/')).rejects.toMatchObject({ code: 'auth.required' })
})

test('[TOK4] two pages of one browser never use the same refresh token twice', async () => {
  const { server, first, second } = await twoPages()

  for (let i = 0; i < 4; i += 1) {
    server.now += LIFE_MS
    await first.tokens.access()
    await second.tokens.access()
  }

  expect(server.refreshes).toBe(4)
  expect([...first.lost, ...second.lost]).toEqual([])
})

test('[TOK4] a page that loses the race for a refresh token takes over what the winner got', async () => {
  const { server, first, second } = await twoPages()

  server.now += LIFE_MS
  const tokens = await Promise.all([first.tokens.access(), second.tokens.access()])

  expect(tokens).toEqual(['access2', 'access2'])
  expect([...first.lost, ...second.lost]).toEqual([])
})

test('[TOK1] a renewal that hung takes over what another page got meanwhile, and asks no second time for what is spent', async () => {
  const { server, first, second } = await twoPages()
  const hanging = Promise.withResolvers<never>()
  server.hanging.push(hanging)

  server.now += LIFE_MS
  const tokens = [first.tokens.access(), second.tokens.access()]
  expect(await tokens[1]).toBe('access2')
  hanging.reject(new CauserieNetworkError('no answer'))

  expect(await tokens[0]).toBe('access2')
  expect(server.refreshes).toBe(1)
  expect([...first.lost, ...second.lost]).toEqual([])
})

test('[TOK4] who signs out while a renewal is under way does not take over what another page got', async () => {
  const { server, first, second } = await twoPages()
  const hanging = Promise.withResolvers<never>()
  server.hanging.push(hanging)

  server.now += LIFE_MS
  const tokens = [first.tokens.access(), second.tokens.access()]
  await tokens[1]
  await first.tokens.forget()
  hanging.reject(new CauserieError('refresh.reused', 'no', { status: 401 }))

  await expect(tokens[0]).rejects.toThrow()
  expect(first.tokens.me).toBeNull()
})

test('[TOK4] a page whose session ended leaves the sign-in of another page alone', async () => {
  const { server, first, second } = await twoPages()
  const stored = await second.storage.get('tokens')

  await first.tokens.adopt({ ...server.signIn(), sessionId: 's2' })
  await second.tokens.lose('session.revoked')

  expect(second.tokens.me).toBeNull()
  expect(await first.storage.get('tokens')).not.toBeNull()
  expect(await first.storage.get('tokens')).not.toBe(stored)
})

test('[TOK4] who signs out leaves nothing in the storage, also where the server is asked last, and another page hears of it', async () => {
  const server = new Server()
  const storage = memoryStorage()
  const [one, other] = [pageOf(server, storage), pageOf(server, storage)]
  await one.tokens.adopt(server.signIn())
  await other.tokens.load()

  await one.tokens.leave()

  expect(await storage.get('tokens')).toBeNull()
  server.now += LIFE_MS
  expect(await one.http.get('/last')).toMatch(/^access/)
  expect(await storage.get('tokens')).toBeNull()
  await expect(other.http.get('/')).rejects.toThrow()
  expect(other.lost).toEqual(['session.revoked'])
  expect(await storage.get('tokens')).toBeNull()
})

test('[TOK4] who signs out takes away also what another page has renewed since', async () => {
  const { server, first, second } = await twoPages()
  server.now += LIFE_MS
  await first.tokens.access()

  await second.tokens.leave()

  expect(await first.storage.get('tokens')).toBeNull()
})

test('[TOK3] a late answer about a session of before ends no other', async () => {
  const server = new Server()
  const page = pageOf(server)
  await page.tokens.adopt(server.signIn())
  const old = await page.tokens.access()
  await page.tokens.adopt(server.signIn())

  await page.tokens.lose('session.revoked', old)

  expect(page.lost).toEqual([])
  expect(page.tokens.me).not.toBeNull()
  await page.tokens.lose('session.revoked', await page.tokens.access())
  expect(page.lost).toEqual(['session.revoked'])
})
