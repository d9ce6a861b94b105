import { expect, test } from 'vitest'
import { metered } from '../support/meter.ts'
import { pair, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'

/** The guard of a burst is taken back a second after it settled; the count includes that. */
const guardIsDown = () => new Promise((resolve) => setTimeout(resolve, 2_000))

test('[COST1] one direct message alone costs at most 2.1 object requests and 4 rows', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.connect(alice.accessToken), await RawSocket.connect(bob.accessToken)]
  await Promise.all([alices.waitForType('hello'), bobs.waitForType('hello')])
  const say = async (clientId: string) => {
    await alices.request({ type: 'message.send', conversationId, clientId, content: text(clientId) })
    await bobs.waitFor((frame) => frame.type === 'message.created' && JSON.stringify(frame).includes(clientId))
  }
  await say('first')
  await guardIsDown()

  const lone = await metered(async () => {
    await say('lone')
    await guardIsDown()
  })
  const talk = await metered(async () => {
    for (let i = 0; i < 50; i += 1) await say(`talk${i}`)
    await guardIsDown()
  })

  console.log(JSON.stringify({ lone, perMessageInTalk: { requests: talk.requests / 50, rows: talk.rows / 50 } }))
  expect(lone.requests).toBeLessThanOrEqual(2.1)
  expect(lone.rows).toBeLessThanOrEqual(4)
  expect(talk.requests / 50).toBeLessThanOrEqual(2.1)
  expect(talk.rows / 50).toBeLessThanOrEqual(3)
})
