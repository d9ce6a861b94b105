import { Random } from '../../harness/random.ts'
import { isRefusal } from '../../src/protocol/errors.ts'

/** How often each fault is injected, as a chance per call. */
export type Rates = {
  /** The call never arrives. */
  'call lost': number
  /** It does its work, and the answer is lost. */
  'answer lost': number
  /** It runs twice. */
  'call run twice': number
  'call delayed': number
  /** The object dies after its writes are durable, in place of telling what it wrote. */
  'death before telling': number
  'alarm thrown': number
  'alarm run twice': number
  'alarm late': number
  'database fails before': number
  'database fails after': number
  'database slow': number
}

type Call<Result> = () => Promise<Result>

/** Does to calls inside the server what a bad day does. Each fault that is injected is one line in the log. */
export class Injector {
  #rates: Partial<Rates> = {}
  #random = new Random(0)

  set(rates: Partial<Rates>, seed: number): void {
    this.#rates = rates
    this.#random = new Random(seed)
  }

  /** A call of another object. */
  async call<Result>(call: Call<Result>): Promise<Result> {
    if (this.#hits('call delayed')) await pause(this.#random.between(20, 500))
    if (this.#hits('call lost')) throw brokenOff()
    const first = this.#hits('call run twice') ? await call() : null
    const result = await call()
    // The platform repeats no call that was answered. Who called once, and is refused what a first run did, would rightly believe it was not
    // done: they hear nothing instead.
    if (wasDone(first) && !wasDone(result)) throw brokenOff()
    if (this.#hits('answer lost')) throw brokenOff()
    return result
  }

  /** A call that tells others what an object wrote. */
  async tell<Result>(ctx: DurableObjectState, call: Call<Result>): Promise<Result> {
    if (this.#hits('death before telling')) {
      await ctx.storage.sync()
      ctx.abort('injected')
    }
    return this.call(call)
  }

  async alarm(run: Call<void>): Promise<void> {
    if (this.#hits('alarm late')) await pause(this.#random.between(1_000, 4_000))
    if (this.#hits('alarm thrown')) throw brokenOff()
    if (this.#hits('alarm run twice')) await run()
    await run()
  }

  async query<Result>(run: Call<Result>): Promise<Result> {
    if (this.#hits('database slow')) await pause(this.#random.between(1_000, 5_000))
    if (this.#hits('database fails before')) throw unreachable()
    const result = await run()
    if (this.#hits('database fails after')) throw unreachable()
    return result
  }

  #hits(fault: keyof Rates): boolean {
    const isHit = this.#random.chance(this.#rates[fault] ?? 0)
    if (isHit) console.log(JSON.stringify({ event: `injected: ${fault}` }))
    return isHit
  }
}

const wasDone = (result: unknown): boolean => typeof result === 'object' && result !== null && !isRefusal(result)

/** As the runtime says it of an object that restarts. */
const brokenOff = (): Error => Object.assign(new Error('injected'), { durableObjectReset: true })

/** As D1 says it. */
const unreachable = (): Error => new Error('D1_ERROR: Network connection lost.')

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
