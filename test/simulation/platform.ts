import { DatabaseSync } from 'node:sqlite'
import type { Conversation } from '../../src/objects/conversation.ts'
import type { UserHub } from '../../src/objects/user-hub.ts'
import { ServerEnd, type SimulatedSocket } from './socket.ts'
import { storageOf } from './storage.ts'

type Instance = Conversation | UserHub
type Method = (...input: unknown[]) => Promise<unknown>
type Life = {
  instance: Instance
  ready: Promise<unknown>
  isDead: boolean
  /** Fails when the life ends, and with it every call that is under way. */
  death: PromiseWithResolvers<never>
  ends: Map<SimulatedSocket, ServerEnd>
}

export type Kind = 'conversation' | 'hub'
type Classes = Record<Kind, new (ctx: never, env: never) => Instance>

/** How often a call goes wrong, and in which way. Times are in milliseconds. */
export type Faults = {
  lostCalls: number
  lostAnswers: number
  /** The call comes once more, some time later, and nobody waits for the answer. */
  doubledCalls: number
  /** The call, or its answer, never comes. */
  hungCalls: number
  delays: number
  longestDelay: number
  lateAlarms: number
}
const LONGEST_ALARM_DELAY = 20_000
const RING_AGAIN_MS = 2_000

/** An object: what it stored, the sockets that it holds, and its life, which can end at any time. */
class SimulatedObject {
  readonly db = new DatabaseSync(':memory:')
  sockets: SimulatedSocket[] = []
  /** When it was last called, or called another: what waits for an answer, or for a moment to pass, is not hibernated. */
  activeAt = 0
  readonly #platform: Platform
  readonly #kind: Kind
  readonly #name: string
  #life: Life | null = null
  #alarm: number | null = null
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(platform: Platform, kind: Kind, name: string) {
    this.#platform = platform
    this.#kind = kind
    this.#name = name
  }

  /** What happens to be in memory is gone; a hibernation leaves the sockets open. */
  die({ keepSockets }: { keepSockets: boolean }): void {
    if (this.#life) this.#life.isDead = true
    this.#life?.death.reject(new Error('The object died.'))
    this.#life = null
    if (keepSockets) return
    for (const socket of this.sockets) socket.isOpen = false
    this.sockets = []
  }

  async live(): Promise<Life> {
    this.#life ??= this.#begin()
    const life = this.#life
    await life.ready
    return life
  }

  async call(method: string, input: unknown[]): Promise<unknown> {
    const life = await this.live()
    this.activeAt = Date.now()
    try {
      const perform = (Reflect.get(life.instance, method) as Method).bind(life.instance)
      return structuredClone(await Promise.race([perform(...structuredClone(input)), life.death.promise]))
    } finally {
      this.activeAt = Date.now()
    }
  }

  /** The client closes. */
  async close(socket: SimulatedSocket): Promise<void> {
    const { ends, instance } = await this.live()
    const end = ends.get(socket)
    socket.isOpen = false
    this.sockets = this.sockets.filter((other) => other !== socket)
    if (end && 'webSocketClose' in instance) void instance.webSocketClose(end as unknown as WebSocket, 1000, '', true)
  }

  #begin(): Life {
    const life: Life = {
      instance: {} as Instance,
      ready: Promise.resolve(),
      isDead: false,
      death: Promise.withResolvers(),
      ends: new Map(),
    }
    life.death.promise.catch(() => {})
    const isDead = () => life.isDead
    const hold = (end: ServerEnd): ServerEnd => {
      life.ends.set(end.accept(isDead), end)
      return end
    }
    const ctx = {
      id: { name: this.#name },
      storage: storageOf(this.db, { get: () => this.#alarm, set: (time) => this.#setAlarm(time) }, isDead),
      waitUntil: (work: Promise<unknown>) => void work.catch(() => {}),
      blockConcurrencyWhile: (work: () => Promise<unknown>) => (life.ready = work()),
      acceptWebSocket: (end: ServerEnd) => this.sockets.push(hold(end).accept(isDead)),
      getWebSockets: () => this.sockets.map((socket) => life.ends.get(socket) ?? hold(new ServerEnd(socket))),
      setWebSocketAutoResponse: () => {},
      getWebSocketAutoResponseTimestamp: () => new Date(),
      // Its storage refuses nothing while it lives; what a dead life does still, the runtime would not let it do.
      abort: () => {},
    }
    life.instance = new this.#platform.classes[this.#kind](
      ctx as never,
      this.#platform.envFor(life, () => (this.activeAt = Date.now())) as never,
    )
    return life
  }

  #setAlarm(time: number | null): void {
    this.#alarm = time
    clearTimeout(this.#timer)
    if (time === null) return
    const late = this.#platform.happens('lateAlarms') ? this.#platform.random() * LONGEST_ALARM_DELAY : 0
    this.#timer = setTimeout(() => void this.#ring(time), Math.max(0, time - Date.now()) + late)
  }

  async #ring(time: number): Promise<void> {
    this.#alarm = null
    try {
      await this.call('alarm', [{ scheduledTime: time, isRetry: false, retryCount: 0 }])
    } catch {
      // The runtime rings again.
      if (this.#alarm === null) this.#timer = setTimeout(() => void this.#ring(time), RING_AGAIN_MS)
    }
  }
}

/** Objects that call each other over a network that loses, delays and overtakes; all of one seed, in simulated time. */
export class Platform {
  readonly classes: Classes
  readonly random: () => number
  readonly sockets: { userId: number; socket: SimulatedSocket }[] = []
  faults: Faults | null = null
  readonly #objects = new Map<string, SimulatedObject>()

  constructor(classes: Classes, random: () => number) {
    this.classes = classes
    this.random = random
  }

  happens(fault: Exclude<keyof Faults, 'longestDelay'>): boolean {
    return this.faults !== null && this.random() < this.faults[fault]
  }

  object(kind: Kind, id: number): SimulatedObject {
    const key = `${kind} ${id}`
    const object = this.#objects.get(key) ?? new SimulatedObject(this, kind, String(id))
    this.#objects.set(key, object)
    return object
  }

  /** A call from outside, which nothing happens to. */
  ask<Answer>(kind: Kind, id: number, method: string, input: unknown): Promise<Answer> {
    return this.object(kind, id).call(method, [input]) as Promise<Answer>
  }

  /** A client of this user opens a socket. */
  async open(userId: number): Promise<void> {
    const hub = this.object('hub', userId)
    const { instance } = await hub.live()
    const headers = { 'x-causerie-session': `${userId}-session` }
    const { webSocket } = await (instance as UserHub).fetch(new Request('https://simulated/v1/socket', { headers }))
    if (webSocket) this.sockets.push({ userId, socket: webSocket as unknown as SimulatedSocket })
  }

  /** `isActive` is to be called whenever this life calls another object, and when that has answered. */
  envFor(caller: Life, isActive: () => void): object {
    const stubs = (kind: Kind) => ({
      getByName: (name: string) =>
        new Proxy(
          {},
          {
            get:
              (_, method: string) =>
              (...input: unknown[]) => {
                isActive()
                return this.#call(caller, { kind, name, method, input }).finally(isActive)
              },
          },
        ),
    })
    return { CONVERSATION: stubs('conversation'), USER_HUB: stubs('hub'), COMMANDS_PER_10_SECONDS: '1000000' }
  }

  async #call(caller: Life, call: { kind: Kind; name: string; method: string; input: unknown[] }): Promise<unknown> {
    const { kind, name, method } = call
    if (caller.isDead) return forever()
    const input = structuredClone(call.input)
    await this.#travel()
    if (this.happens('lostCalls')) throw new Error('The call was lost.')
    const object = this.object(kind, Number(name))
    // The platform cancels the calls of an object that died, and makes none twice that are done. Of an order that is done in spite of that its
    // own user hears with the next event only.
    const isOrder = method === 'submit'
    if (isOrder && caller.isDead) return forever()
    if (!isOrder && this.happens('doubledCalls')) {
      setTimeout(
        () => void object.call(method, input).catch(() => {}),
        this.random() * (this.faults?.longestDelay ?? 0),
      )
    }
    if (this.happens('hungCalls')) return forever()
    const answer = await object.call(method, input)
    if (this.happens('hungCalls')) return forever()
    if (this.happens('lostAnswers')) throw new Error('The answer was lost.')
    await this.#travel()
    return caller.isDead ? forever() : answer
  }

  async #travel(): Promise<void> {
    const delay = this.happens('delays') ? this.random() * (this.faults?.longestDelay ?? 0) : 0
    await new Promise((resolve) => setTimeout(resolve, 1 + this.random() * 3 + delay))
  }
}

const forever = () => new Promise<never>(() => {})
