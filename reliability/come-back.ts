import { setTimeout as sleep } from 'node:timers/promises'
import { pauseBefore } from '../harness/patience.ts'
import { retryAfterMsIn } from '../harness/websocket.ts'
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
        asked = retryAfterMsIn(head)
      },
    })
    if (client) return client
    await sleep(pauseBefore(tries, asked))
  }
}
