import { setTimeout as sleep } from 'node:timers/promises'
import type { Device, Outcome, Said } from './device.ts'
import type { Random } from '../harness/random.ts'
import { DialectDevice } from './dialect-device.ts'
import { RawDevice } from './raw-device.ts'
import { SEQ_SPAN } from './wire.ts'

/** Each device has a hand of its own in the reactions, so that what became of each can be told. */
const EMOJIS = ['👍', '❤️', '😂', '🎉', '😮', '😢', '🔥', '👀', '🙏', '💯', '✅', '🚀', '🍀', '🐟', '☕', '🎈']
const REPEATED = 0.3
const REMEMBERED = 100
/** People write several lines at once now and then: so many at most, sent without waiting. */
const BURST = 8
/** A client of a documented API waits to hear what became of each message. The first hand marks as read, and the other one, alone, changes messages. */
const DIALECT_HANDS = 2
const WORDS =
  'the quick brown fox jumps over a lazy dog while nine voix ambiguës d’un cœur préfèrent le jus de raisin'.split(' ')
/** Words that nothing but a message has. */
export const TELLTALE_WORDS = ['ambiguës', 'préfèrent', 'raisin']

export type Tally = { acked: number; repeats: number }

type Own = { c: number; id: number }

/** People who talk: what each device does from start to stop. */
export class Workload {
  readonly tally: Tally = { acked: 0, repeats: 0 }
  readonly #devices: Device[]
  readonly #working = new Map<Promise<void>, Device>()
  readonly #options: { hands: number; pauseMs: number }
  #isStopping = false

  /** `hands` is how many things one device does at once. */
  constructor(devices: Device[], options: { random: Random; hands: number; pauseMs: number }) {
    this.#devices = devices
    this.#options = options
    devices.forEach((device, index) => {
      const own: Own[] = []
      const emoji = EMOJIS[index % EMOJIS.length] ?? ''
      const hands = device instanceof DialectDevice ? DIALECT_HANDS : options.hands
      for (let hand = 0; hand < hands; hand += 1) {
        const random = options.random.fork(`${device.name}/${hand}`)
        const work = this.#work({ device, random, own, emoji, isFirst: hand === 0 })
        const ended = work.finally(() => this.#working.delete(ended))
        this.#working.set(ended, device)
      }
    })
  }

  /** Resolves when everything that was begun has come to an end. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await Promise.all(this.#working.keys())
  }

  /** The devices that something is still under way of. */
  get unfinished(): string[] {
    return [...new Set([...this.#working.values()].map(({ name }) => name))]
  }

  async #work(hand: { device: Device; random: Random; own: Own[]; emoji: string; isFirst: boolean }): Promise<void> {
    const { device, random, own, isFirst } = hand
    let sent = 0
    while (!this.#isStopping) {
      await device.online()
      await sleep(this.#options.pauseMs * (0.5 + random.next()))
      if (this.#isStopping) break
      const conversations = device.conversations()
      if (conversations.length === 0) continue
      const c = random.pick(conversations)
      const chance = random.next()
      // What one hand does to a message is in order; only one of them reacts and reads.
      if (isFirst && chance < 0.25) await this.#lookAround({ ...hand, c })
      else if (chance < 0.06 && own.length > 0) await change(device, random, own)
      else {
        const lines = device instanceof DialectDevice ? 1 : 1 + random.below(BURST)
        const burst = Array.from({ length: lines }, () => {
          sent += 1
          return this.#send({ ...hand, c, clientId: `${device.name}-${random.below(2 ** 30)}-${sent}` })
        })
        await Promise.all(burst)
      }
    }
  }

  async #send(what: { device: Device; random: Random; own: Own[]; c: number; clientId: string }): Promise<void> {
    const { device, random, own, c, clientId } = what
    const doing: Said = { do: 'send', c, clientId, text: `${clientId} ${someWords(random)}` }
    const isRepeated = !device.retriesItself && random.chance(REPEATED)
    const attempt = (): Promise<Outcome> => this.#attempt(device, doing, random)
    const [outcome] = await Promise.all([
      insist(device, attempt),
      ...(isRepeated && random.chance(0.5) ? [this.#repeat(device, doing, random)] : []),
    ])
    if (!outcome.ok) return
    this.tally.acked += 1
    own.push({ c, id: outcome.id })
    if (own.length > REMEMBERED) own.shift()
    if (isRepeated && random.chance(0.5)) await this.#repeat(device, doing, random)
  }

  #attempt(device: Device, doing: Extract<Said, { do: 'send' }>, random: Random): Promise<Outcome> {
    return device instanceof RawDevice && random.chance(0.03) ? device.performByRest(doing) : device.perform(doing)
  }

  /** The same again, as clients do that had no answer; sometimes from another device of the same person. */
  async #repeat(device: Device, doing: Extract<Said, { do: 'send' }>, random: Random): Promise<void> {
    this.tally.repeats += 1
    const others = this.#devices.filter(
      (other) => other.userId === device.userId && other !== device && !other.retriesItself,
    )
    const by = others.length > 0 && random.chance(0.5) ? random.pick(others) : device
    await this.#attempt(by, doing, random)
  }

  async #lookAround(hand: { device: Device; random: Random; c: number; emoji: string }): Promise<void> {
    const { device, random, c, emoji } = hand
    const head = device.head(c)
    if (head === 0) return
    const seq = Math.max(1, head - random.below(30))
    if (random.chance(0.6)) await device.perform({ do: 'read', c, seq })
    else {
      const kind = random.chance(0.7) ? 'react' : 'unreact'
      await device.perform({ do: kind, c, id: c * SEQ_SPAN + seq, emoji })
    }
  }
}

/** An edit or a deletion of something that this device wrote. */
const change = async (device: Device, random: Random, own: Own[]): Promise<void> => {
  const at = random.below(own.length)
  const message = own[at]
  if (!message) return
  if (random.chance(0.3)) {
    own.splice(at, 1)
    await device.perform({ do: 'delete', ...message })
  } else {
    await device.perform({ do: 'edit', ...message, text: `edit ${random.below(2 ** 30)} ${someWords(random)}` })
  }
}

/** Sends until it is known what became of it, as a client that means it does. */
const insist = async (device: Device, attempt: () => Promise<Outcome>): Promise<Outcome> => {
  for (;;) {
    const outcome = await attempt()
    if (outcome.ok !== null || device.retriesItself) return outcome
    await sleep(50)
    await device.online()
  }
}

const someWords = (random: Random): string => {
  // A long one now and then, so that frames are there to be cut.
  const count = random.chance(0.02) ? 600 : 1 + random.below(12)
  return Array.from({ length: count }, () => random.pick(WORDS)).join(' ')
}
