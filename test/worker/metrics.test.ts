import { createExecutionContext } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { appointment } from '../../src/directory/administrators.ts'
import app, { UserHub } from '../../src/index.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import { guardIsDown } from '../support/guard.ts'
import { metered } from '../support/meter.ts'
import { pair, say, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { signUp } from '../support/rest.ts'

const SCRAPE_TOKEN = 'a-long-and-random-scrape-token'

const scrape = (token?: string): Promise<Response> => {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return exports.default.fetch(new Request('https://causerie.test/metrics', { headers }))
}
afterEach(() => vi.restoreAllMocks())

const administrator = async (): Promise<SignedIn> => {
  const admin = await signUp()
  await env.DIRECTORY.prepare(appointment(admin.user.username, true)).run()
  return admin
}
/** The samples of a scrape, by name. */
const samples = async ({ accessToken }: SignedIn): Promise<Map<string, number>> => {
  const lines = (await (await scrape(accessToken)).text()).split('\n').filter((line) => /^\w/.test(line))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]))
}
/** By how much each sample grows meanwhile. */
const growth = async (admin: SignedIn, work: () => Promise<void>): Promise<(name: string) => number> => {
  const before = await samples(admin)
  await work()
  const after = await samples(admin)
  return (name) => (after.get(name) ?? 0) - (before.get(name) ?? 0)
}
const reported = async (): Promise<unknown> =>
  (await env.DIRECTORY.prepare('SELECT totals FROM metrics').first<{ totals: string }>())?.totals

test('[MTRC1] an administrator reads what was counted, in the form that Prometheus reads', async () => {
  const response = await scrape((await administrator()).accessToken)
  const page = await response.text()

  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const line =
    /^(?:# (?:HELP causerie_\w+ .+|TYPE causerie_\w+ (?:counter|histogram))|causerie_\w+(?:\{\w+="[^"]+"\})? [\d.e-]+)$/
  expect(
    page
      .trimEnd()
      .split('\n')
      .filter((each) => !line.test(each)),
  ).toEqual([])
  expect(page.endsWith('\n')).toBe(true)
})

test('[MTRC1] nobody else does', async () => {
  await administrator()
  const somebody = await signUp()

  expect((await scrape(somebody.accessToken)).status).toBe(403)
  expect((await scrape()).status).toBe(401)
  expect((await scrape('made up')).status).toBe(401)
})

test('[MTRC1] the scrape token opens it and nothing else, and where none is set no token is one', async () => {
  const statusAt = async (path: string, token: string, bindings: Partial<Env>) => {
    const request = new Request(`https://causerie.test${path}`, { headers: { authorization: `Bearer ${token}` } })
    return (await app.fetch(request, { ...env, ...bindings }, createExecutionContext())).status
  }
  const set = { METRICS_TOKEN: SCRAPE_TOKEN }

  expect(await statusAt('/metrics', SCRAPE_TOKEN, set)).toBe(200)
  expect(await statusAt('/metrics', `${SCRAPE_TOKEN}x`, set)).toBe(401)
  expect(await statusAt('/v1/me', SCRAPE_TOKEN, set)).toBe(401)
  expect(await statusAt('/metrics', SCRAPE_TOKEN, {})).toBe(401)
  expect(await statusAt('/metrics', 'undefined', {})).toBe(401)
})

test('[MTRC2] connections, messages and deliveries are counted, and a repeat is not', async () => {
  const admin = await administrator()
  const { alice, bob, conversationId } = await pair()

  const grew = await growth(admin, async () => {
    const [hers, his] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
    const order = { type: 'message.send', conversationId, clientId: 'once', content: text('bonjour') }
    await hers.request(order)
    await hers.request(order)
    for (let i = 0; i < 9; i++) await say(hers, conversationId)
    await his.waitFor(() => his.of('message.created').length === 10)
    his.close()
    await expect.poll(async () => (await samples(admin)).get('causerie_connections_closed_total')).toBeGreaterThan(0)
  })

  expect(grew('causerie_connections_opened_total')).toBe(2)
  expect(grew('causerie_connections_closed_total')).toBe(1)
  expect(grew('causerie_connection_seconds_total')).toBeGreaterThan(0)
  expect(grew('causerie_messages_total')).toBe(10)
  expect(grew('causerie_fan_out_lag_seconds_count')).toBeGreaterThan(0)
  expect(grew('causerie_fan_out_lag_seconds_bucket{le="+Inf"}')).toBe(grew('causerie_fan_out_lag_seconds_count'))
})

test('[MTRC2] the rows written are those that the platform bills', async () => {
  const admin = await administrator()
  const { alice, bob, conversationId } = await pair()
  const [socket] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  await say(socket, conversationId)
  await guardIsDown(conversationId)
  let billed = 0

  const grew = await growth(admin, async () => {
    const bill = await metered(async () => {
      for (let i = 0; i < 20; i++) await say(socket, conversationId)
      await guardIsDown(conversationId)
    })
    billed = bill.rows
  })

  expect(billed).toBeGreaterThanOrEqual(20 * 2 + 2)
  expect(grew('causerie_object_rows_written_total')).toBe(billed)
})

test('[MTRC2] a call between objects that fails is counted by its event, and so is the time until it went through', async () => {
  const admin = await administrator()
  const { alice, bob, conversationId } = await pair()
  const [hers, his] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const fail = () => {
    throw new Error('no')
  }
  const deliver = vi.spyOn(UserHub.prototype, 'deliver')
  for (let i = 0; i < 3; i++) deliver.mockImplementationOnce(fail)

  const grew = await growth(admin, async () => {
    await say(hers, conversationId)
    await his.waitForType('message.created')
    // The call that went well is counted when its answer is back.
    await new Promise((resolve) => setTimeout(resolve, 100))
  })

  expect(grew('causerie_faults_total{event="fan-out.failed"}')).toBe(3)
  const [slow = 0, quick = 0] = ['+Inf', '0.25'].map((le) => grew(`causerie_fan_out_lag_seconds_bucket{le="${le}"}`))
  expect(slow).toBeGreaterThan(quick)
})

test('[MTRC3] messages make no report, however long ago the last one was, until they are many', async () => {
  const admin = await administrator()
  const { alice, conversationId } = await pair()
  const socket = await RawSocket.arrive(alice)
  await scrape(admin.accessToken)
  const before = await reported()
  const now = Date.now.bind(Date)
  vi.spyOn(Date, 'now').mockImplementation(() => now() + 90_000)

  for (let i = 0; i < 99; i++) await say(socket, conversationId)
  expect(await reported()).toBe(before)

  await say(socket, conversationId)
  await expect.poll(reported).not.toBe(before)
  const once = await reported()

  for (let i = 0; i < 150; i++) await say(socket, conversationId)
  expect(await reported()).toBe(once)
})

test('[MTRC3] however many come and go, an isolate reports once a minute', async () => {
  const { alice, bob } = await pair()
  const now = Date.now.bind(Date)
  vi.spyOn(Date, 'now').mockImplementation(() => now() + 200_000)
  const before = await reported()
  await RawSocket.arrive(alice)
  await expect.poll(reported).not.toBe(before)
  const once = await reported()

  for (let i = 0; i < 5; i++) (await RawSocket.arrive(bob)).close()
  await new Promise((resolve) => setTimeout(resolve, 200))

  expect(await reported()).toBe(once)
})
