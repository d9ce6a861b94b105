import { setTimeout as sleep } from 'node:timers/promises'
import { askUntilDone } from './ask-until-done.ts'
import type { Group, Somebody, World } from './clients.ts'
import type { Doing, History } from './history.ts'
import type { Fault, FaultKind } from './plan.ts'
import type { Proxy } from './proxy.ts'
import type { Inside } from './inside.ts'
import { RawDevice } from './raw-device.ts'
import type { SmallDisk } from '../harness/small-disk.ts'

export type Hits = Record<FaultKind, { planned: number; hit: number }>

/** How many pages a reader asks for that it does not read: more than the system keeps for one socket. */
const GORGED_PAGES = 60

/** Does what the plan says, and counts what of it really happened. */
export class Faults {
  readonly hits = {} as Hits
  readonly #world: World
  readonly #proxy: Proxy
  readonly #history: History
  readonly #base: string
  readonly #inside: Inside
  readonly #disk: SmallDisk | null
  /** Conversations and devices that something is being done to. */
  readonly #busy = new Set<unknown>()
  readonly #underWay = new Set<Promise<void>>()
  #probes = 0

  constructor(options: {
    world: World
    proxy: Proxy
    history: History
    base: string
    inside: Inside
    /** Where the server keeps its data, if that can be full. */
    disk: SmallDisk | null
  }) {
    this.#world = options.world
    this.#proxy = options.proxy
    this.#history = options.history
    this.#base = options.base
    this.#inside = options.inside
    this.#disk = options.disk
  }

  start(fault: Fault): void {
    if (fault.kind === 'disk full' && !this.#disk) return
    const count = (this.hits[fault.kind] ??= { planned: 0, hit: 0 })
    count.planned += 1
    this.#history.write({ e: 'fault', what: fault.kind })
    const done = this.#do(fault, () => (count.hit += 1)).finally(() => this.#underWay.delete(done))
    this.#underWay.add(done)
  }

  /** Resolves when everything that was begun is over, and everybody who was removed is back. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  async #do(fault: Fault, hit: () => void): Promise<void> {
    const { pick } = fault
    switch (fault.kind) {
      case 'frame cut':
        return this.#proxy.cutFrame(pick, fault.direction, { at: fault.within, hit })
      case 'request cut':
        return this.#proxy.cutRequest(pick, fault.direction, { at: fault.within, hit })
      case 'stall': {
        const end = this.#proxy.stall(pick, fault.direction)
        if (!end) return
        hit()
        await sleep(fault.ms)
        return end()
      }
      case 'delay':
        return this.#delay(fault, hit)
      case 'silence':
        if (this.#proxy.silence(pick)) hit()
        return
      case 'storm':
        if (this.#proxy.cutAll() > 1) hit()
        return
      case 'reader that does not read':
        return this.#gorge(fault, hit)
      case 'member removed':
        return this.#remove(fault, hit)
      case 'session revoked':
        return this.#revoke(pick, hit)
      case 'frame repeated':
        return this.#proxy.repeatFrame(pick, hit)
      case 'request repeated':
        return this.#proxy.repeatRequest(hit)
      case 'object aborted':
      case 'object evicted':
        if (await this.#inside.end(fault.kind, this.#objectAt(pick))) hit()
        return
      case 'clock put wrong':
        return this.#alone(this.#inside, async () => {
          if (await this.#inside.setClock(fault.byMs)) hit()
          await sleep(fault.ms)
          await this.#inside.setClock(0)
        })
      case 'disk full':
        return this.#alone(this.#disk, async (disk) => {
          if (disk.fill()) hit()
          await sleep(fault.ms)
          disk.free()
        })
    }
  }

  /** Does it, unless something is being done to this already. */
  async #alone<Thing>(thing: Thing | null | undefined, act: (thing: Thing) => Promise<void>): Promise<void> {
    if (thing == null || this.#busy.has(thing)) return
    this.#busy.add(thing)
    await act(thing)
    this.#busy.delete(thing)
  }

  async #delay(fault: Extract<Fault, { kind: 'delay' }>, hit: () => void): Promise<void> {
    const end = this.#proxy.delay(fault.pick, fault.by)
    if (!end) return
    hit()
    await sleep(fault.ms)
    end()
  }

  async #gorge(fault: Extract<Fault, { kind: 'reader that does not read' }>, hit: () => void): Promise<void> {
    return this.#alone(this.#rawDevice(fault.pick), async (device) => {
      const end = this.#proxy.stall(device.name, 'down')
      if (!end) return
      device.gorge(GORGED_PAGES)
      await sleep(fault.ms)
      end()
      hit()
    })
  }

  async #remove(fault: Extract<Fault, { kind: 'member removed' }>, hit: () => void): Promise<void> {
    const { groups } = this.#world
    return this.#alone(groups[Math.floor(fault.pick * groups.length)], async (group) => {
      const member = group.others[Math.floor(fault.pick * 7919) % group.others.length]
      if (!member) return
      await this.#owner(group, { do: 'remove', c: group.id, userId: member.person.id })
      hit()
      await this.#speakUp(group, member)
      await sleep(fault.ms)
      await this.#speakUp(group, member)
      await this.#owner(group, { do: 'add', c: group.id, userId: member.person.id })
    })
  }

  /** Somebody who was removed tries all the same. */
  async #speakUp(group: Group, member: Somebody): Promise<void> {
    this.#probes += 1
    const text = `after leaving ${this.#probes}`
    const raw = member.devices.find((device) => device instanceof RawDevice)
    if (raw instanceof RawDevice) {
      await raw.performByRest({ do: 'send', c: group.id, clientId: `probe-${this.#probes}`, text })
      await raw.perform({ do: 'send', c: group.id, clientId: `probe-${this.#probes}s`, text })
    }
  }

  async #owner(group: Group, doing: Extract<Doing, { do: 'remove' | 'add' }>): Promise<void> {
    const { c, userId } = doing
    const path = `/v1/conversations/${c}/members`
    const request =
      doing.do === 'remove'
        ? { method: 'DELETE', path: `${path}/${userId}` }
        : { method: 'POST', path, json: { userIds: [userId] } }
    await this.#insist(group.owner, { doing, request, isDone: 'member.not_found' })
  }

  async #revoke(pick: number, hit: () => void): Promise<void> {
    const { people, dialects } = this.#world
    const devices = [...people.flatMap((each) => each.devices.slice(0, 1)), ...dialects]
    const device = devices[Math.floor(pick * devices.length)]
    const somebody = people.find(({ person }) => person.id === device?.userId)
    if (!somebody || device?.session === '') return
    return this.#alone(device, async (device) => {
      const ended = device.session
      const token = device instanceof RawDevice ? device.token : null
      const request = { method: 'DELETE', path: `/v1/auth/sessions/${ended}` }
      const isEnded = await this.#insist(somebody, {
        doing: { do: 'revoke', ended },
        request,
        isDone: 'session.not_found',
      })
      if (isEnded) hit()
      // Whoever holds the token tries it all the same.
      if (device instanceof RawDevice && token !== null) {
        this.#probes += 1
        const [c] = device.conversations()
        const doing = {
          do: 'send' as const,
          c: c ?? 0,
          clientId: `probe-${this.#probes}`,
          text: `after the end ${this.#probes}`,
        }
        if (c !== undefined) await device.performByRest(doing, { id: ended, token })
      }
    })
  }

  /** Asks until it is done; answers whether it was done by this. */
  async #insist(
    by: Somebody,
    asked: { doing: Doing; request: { method: string; path: string; json?: unknown }; isDone: string },
  ): Promise<boolean> {
    const told = (body: { rev?: number } | null) => (body?.rev === undefined ? {} : { rev: body.rev })
    const where = { base: this.#base, history: this.#history }
    const { isDoneByThis } = await askUntilDone(where, by, { ...asked, told })
    return isDoneByThis
  }

  #objectAt(pick: number): { kind: 'CONVERSATION' | 'USER_HUB'; name: string } {
    const { members, people } = this.#world
    const all = [
      ...[...members.keys()].map((id) => ({ kind: 'CONVERSATION' as const, name: String(id) })),
      ...people.map(({ person }) => ({ kind: 'USER_HUB' as const, name: String(person.id) })),
    ]
    return all[Math.floor(pick * all.length)] ?? { kind: 'USER_HUB', name: '1' }
  }

  #rawDevice(pick: number): RawDevice | undefined {
    const devices = this.#world.devices.filter((device) => device instanceof RawDevice)
    return devices[Math.floor(pick * devices.length)]
  }
}
