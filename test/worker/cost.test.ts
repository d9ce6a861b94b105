import { expect, test } from 'vitest'
import { guardIsDown } from '../support/guard.ts'
import { type Bill, metered } from '../support/meter.ts'
import { openDirect, openGroup, pair, say, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { refreshWith, signUp } from '../support/rest.ts'

declare module 'vitest' {
  interface TaskMeta {
    /** What was counted, for `npm run bench` to put prices on. */
    bills?: Record<string, Bill>
  }
}

const share = ({ requests, rows, rowsRead }: Bill, of: number): Bill => ({
  requests: requests / of,
  rows: rows / of,
  rowsRead: rowsRead / of,
})

test('[COST1] one direct message alone costs at most 2.1 object requests and 4 rows', async ({ task }) => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.connect(alice.accessToken), await RawSocket.connect(bob.accessToken)]
  await Promise.all([alices.waitForType('hello'), bobs.waitForType('hello')])
  const sayTo = async (clientId: string) => {
    await alices.request({ type: 'message.send', conversationId, clientId, content: text(clientId) })
    await bobs.waitFor((frame) => frame.type === 'message.created' && JSON.stringify(frame).includes(clientId))
  }
  await sayTo('first')
  await guardIsDown(conversationId)

  const lone = await metered(async () => {
    await sayTo('lone')
    await guardIsDown(conversationId)
  })
  const talk = await metered(async () => {
    for (let i = 0; i < 50; i += 1) await sayTo(`talk${i}`)
    await guardIsDown(conversationId)
  })

  task.meta.bills = { 'a direct message alone': lone, 'a direct message in a burst of 50': share(talk, 50) }
  expect(lone.requests).toBeLessThanOrEqual(2.1)
  expect(lone.rows).toBeLessThanOrEqual(4)
  expect(talk.requests / 50).toBeLessThanOrEqual(2.1)
  expect(talk.rows / 50).toBeLessThanOrEqual(3)
})

test('[COST2] a message to a group of ten costs a request for each member and no more rows than one to a friend', async ({
  task,
}) => {
  const [owner, ...others] = await Promise.all(Array.from({ length: 10 }, () => signUp()))
  if (!owner) throw new Error('nobody')
  const conversationId = await openGroup(owner, ...others)
  const speaker = await RawSocket.arrive(owner)
  const listeners = await Promise.all(others.map((other) => RawSocket.arrive(other)))
  const sayToAll = async (words: string) => {
    const { id } = await say(speaker, conversationId, words)
    const heard = (frame: { type: string }) =>
      frame.type === 'message.created' && JSON.stringify(frame).includes(`"id":${id},`)
    await Promise.all(listeners.map((listener) => listener.waitFor(heard)))
  }
  await sayToAll('first')
  await guardIsDown(conversationId)

  const lone = await metered(async () => {
    await sayToAll('lone')
    await guardIsDown(conversationId)
  })
  const talk = await metered(async () => {
    for (let i = 0; i < 50; i += 1) await sayToAll(`talk ${i}`)
    await guardIsDown(conversationId)
  })

  task.meta.bills = {
    'a message to a group of ten alone': lone,
    'a message to a group of ten in a burst of 50': share(talk, 50),
  }
  expect(lone.requests).toBeLessThanOrEqual(10.1)
  expect(lone.rows).toBeLessThanOrEqual(4)
  expect(talk.requests / 50).toBeLessThanOrEqual(10.1)
  expect(talk.rows / 50).toBeLessThanOrEqual(3)
})

test('[COST3] somebody who goes and comes back to five quiet conversations costs a few requests and rows, and nothing while staying', async ({
  task,
}) => {
  const me = await signUp()
  const friends = await Promise.all(Array.from({ length: 5 }, () => signUp()))
  const [friend] = friends
  if (!friend) throw new Error('nobody')
  for (const each of friends) await openDirect(me, each)
  const watching = await RawSocket.arrive(friend)
  const stood = (online: boolean) =>
    watching.of('presence.changed').filter((frame) => frame['online'] === online).length
  let { refreshToken } = me
  const comeBack = async (): Promise<RawSocket> => {
    const arrivals = stood(true)
    const { body } = await refreshWith(refreshToken)
    refreshToken = body.refreshToken
    const socket = await RawSocket.arrive(body)
    await expect.poll(() => stood(true)).toBe(arrivals + 1)
    // What is told beside has no end of its own.
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    return socket
  }
  let socket = await comeBack()

  const away = await metered(async () => {
    const departures = stood(false)
    socket.close()
    await expect.poll(() => stood(false), { timeout: 30_000 }).toBe(departures + 1)
    socket = await comeBack()
  })
  const staying = await metered(async () => {
    for (let i = 0; i < 20; i += 1) socket.sendRaw('ping')
    await expect.poll(() => socket.pongs).toBe(20)
  })

  task.meta.bills = { 'going and coming back to five quiet conversations': away, 'twenty pings': staying }
  expect(away.requests).toBeLessThanOrEqual(20)
  expect(away.rows).toBeLessThanOrEqual(10)
  expect(staying).toEqual({ requests: 0, rows: 0, rowsRead: 0 })
}, 60_000)
