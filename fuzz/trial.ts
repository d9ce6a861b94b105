import { setTimeout as sleep } from 'node:timers/promises'
import type { Draft } from './inputs.ts'
import type { People } from './people.ts'
import type { Finding, Input, Outcome, Sender } from './sender.ts'
import { changedIn, type Held, type Storage } from './storage.ts'

const SETTLE_MS = 15
const SETTLE_TRIES = 100

/** Sends batches, and looks whether the server holds the same after a batch of which nothing was taken. */
export class Trial {
  readonly #sender: Sender
  readonly #people: People
  readonly #storage: Storage
  /** What the server holds, since when nothing was written. */
  #held: Held | null = null
  /** Of each route and frame, by its name. `spoilt` are those inputs of which not all is as it should be. */
  readonly counts = new Map<string, { inputs: number; spoilt: number; refused: number }>()
  /** Different inputs. */
  drafted = 0
  /** With those that were sent once more. */
  sent = 0
  refused = 0
  compared = 0
  again = 0
  slowestMs = 0
  busy = 0

  constructor(options: { sender: Sender; people: People; storage: Storage }) {
    this.#sender = options.sender
    this.#people = options.people
    this.#storage = options.storage
  }

  async run(drafts: Draft<Input>[]): Promise<Finding[]> {
    const inputs = drafts.map(({ target, make }) => make(this.#people.worldFor(target)))
    this.drafted += drafts.length
    const before = (this.#held ??= await this.#settle())
    const first = await this.#send(inputs)
    drafts.forEach(({ target, isPlain }, i) => {
      const input = inputs[i]
      this.#count(target, { isSpoilt: !isPlain, isRefused: input !== undefined && first.refused.includes(input) })
    })
    if (!first.wrote) {
      this.compared += first.refused.length
      return [...first.findings, ...(await this.#compare(before, first.refused))]
    }
    // Something was taken, so what was refused is sent once more, by itself.
    await this.#people.mend()
    const then = (this.#held = await this.#settle())
    if (first.refused.length === 0) return first.findings
    const second = await this.#send(first.refused)
    const findings = [...first.findings, ...second.findings]
    if (second.wrote) {
      await this.#people.mend()
      this.#held = null
      return findings
    }
    this.again += second.refused.length
    return [...findings, ...(await this.#compare(then, second.refused))]
  }

  async #send(inputs: Input[]): Promise<Outcome> {
    const outcome = await this.#sender.send(inputs)
    this.sent += inputs.length
    this.refused += outcome.refused.length
    this.busy += outcome.busy
    this.slowestMs = Math.max(this.slowestMs, outcome.slowestMs)
    return outcome
  }

  async #compare(before: Held, refused: Input[]): Promise<Finding[]> {
    const changed = changedIn(before, this.#storage.read())
    if (changed.length === 0) return []
    this.#held = null
    const what = `what was refused changed ${changed.join(', ')}`
    return [{ input: null, what }, ...(await this.#blame(refused))]
  }

  /** Which of them, one by one, change what is held. */
  async #blame(refused: Input[]): Promise<Finding[]> {
    const findings: Finding[] = []
    for (const input of refused) {
      const before = await this.#settle()
      const { wrote } = await this.#sender.send([input])
      const changed = changedIn(before, await this.#settle())
      if (!wrote && changed.length > 0)
        findings.push({ input, what: `  refused, and it changed ${changed.join(', ')}` })
    }
    return findings.length > 0 ? findings : refused.map((input) => ({ input, what: '  one of these' }))
  }

  /** Waits for what goes on behind an answer. */
  async #settle(): Promise<Held> {
    let held = this.#storage.read()
    for (let tries = 0; tries < SETTLE_TRIES; tries += 1) {
      await sleep(SETTLE_MS)
      const now = this.#storage.read()
      if (changedIn(held, now).length === 0) return now
      held = now
    }
    return held
  }

  #count(name: string, { isSpoilt, isRefused }: { isSpoilt: boolean; isRefused: boolean }): void {
    const counted = this.counts.get(name) ?? { inputs: 0, spoilt: 0, refused: 0 }
    counted.inputs += 1
    if (isSpoilt) counted.spoilt += 1
    if (isRefused) counted.refused += 1
    this.counts.set(name, counted)
  }
}
