import { setTimeout as sleep } from 'node:timers/promises'
import { backoff } from '../src/sdk/backoff.ts'
import { type Guest, NativeClient } from './guest.ts'

/** Insists as our own client does: it waits between two tries, and at least as long as it was told to. `refused` gets the head of each refusal. */
export const comeBack = async (
  base: string,
  guest: Guest,
  refused: (head: string) => void = () => {},
): Promise<NativeClient> => {
  for (let tries = 0; ; tries += 1) {
    let asked = 0
    const client = await NativeClient.open(base, guest, {
      refused: (head) => {
        refused(head)
        asked = Number(/^retry-after: *(\d+)/im.exec(head)?.[1] ?? 0) * 1_000
      },
    })
    if (client) return client
    await sleep(asked > 0 ? asked + Math.random() * 1_000 : backoff(tries, Math.random))
  }
}
