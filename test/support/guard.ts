import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect } from 'vitest'
import { conversationOf } from '../../src/objects/stubs.ts'

export const alarmOf = (conversationId: number): Promise<number | null> =>
  runInDurableObject(conversationOf(env, conversationId), (_, { storage }) => storage.getAlarm())

/** Waits until nothing is under way to anybody: the guard of the deliveries is taken back a second after they settled. */
export const guardIsDown = async (conversationId: number): Promise<void> => {
  await expect.poll(() => alarmOf(conversationId), { timeout: 60_000 }).toBeNull()
  // A bill is to have what is written right after it.
  await new Promise((resolve) => setTimeout(resolve, 500))
}
