import { DialectDevice } from './dialect-device.ts'
import { APIS } from './dialects.ts'
import type { History } from './history.ts'
import { insist, type Person, register } from './person.ts'
import type { Random } from '../harness/random.ts'
import { RawDevice } from './raw-device.ts'
import { ask } from '../harness/rest.ts'
import { SdkDevice } from './sdk-device.ts'
import type { Session, WireEntry } from './wire.ts'

export type Sizes = { raw: number; twoDevices: number; sdk: number; direct: number; groups: number; groupSize: number }

export type Somebody = {
  person: Person
  /** A sign-in apart from all devices, for what an owner does. */
  session: Session
  devices: (RawDevice | SdkDevice)[]
}

export type Group = { id: number; owner: Somebody; others: Somebody[] }

export type World = {
  people: Somebody[]
  devices: (RawDevice | SdkDevice)[]
  /** Clients of the documented APIs: they keep no copies. */
  dialects: DialectDevice[]
  groups: Group[]
  /** Every conversation and who is in it at first. */
  members: Map<number, number[]>
}

/** So many others are in the group that a documented API talks in. */
const OTHERS_IN_GROUP = 3

/** People, their conversations and their devices. `direct` leads to the server, `base` over the bad network. */
export const makeWorld = async (options: {
  sizes: Sizes
  direct: string
  base: string
  history: History
  random: Random
}): Promise<World> => {
  const { sizes, direct, history, random } = options
  const people: Somebody[] = []
  for (let i = 0; i < sizes.raw + sizes.sdk; i += 1) people.push({ ...(await register(direct, i + 1)), devices: [] })
  const members = new Map<number, number[]>()
  const groups: Group[] = []
  for (let i = 0; i < sizes.direct; i += 1) {
    const [a, b] = random.sample(people, 2) as [Somebody, Somebody]
    const id = await open(direct, a, { kind: 'direct', userId: b.person.id })
    members.set(id, [a.person.id, b.person.id])
  }
  for (let i = 0; i < sizes.groups; i += 1) {
    const [owner, ...others] = random.sample(people, 3 + random.below(sizes.groupSize - 2)) as [Somebody, ...Somebody[]]
    const memberIds = others.map(({ person }) => person.id)
    const id = await open(direct, owner, { kind: 'group', title: `Group ${i + 1}`, memberIds })
    members.set(id, [owner.person.id, ...memberIds])
    groups.push({ id, owner, others })
  }
  const talks = []
  for (const api of APIS) {
    // Document 003 is for administrators, and whoever registered first is one.
    const [first] = people
    const others = random.sample(people.slice(1, sizes.raw), api.inGroup ? OTHERS_IN_GROUP : 1)
    const [otherId = 0, ...more] = others.map(({ person }) => person.id)
    const number = people.length + 1
    const self = api.document === '003' && first ? first : { ...(await register(direct, number)), devices: [] }
    if (self !== first) people.push(self)
    const what = api.inGroup
      ? { kind: 'group', title: `Group of document ${api.document}`, memberIds: [otherId, ...more] }
      : { kind: 'direct', userId: otherId }
    const c = await open(direct, self, what)
    members.set(c, [self.person.id, otherId, ...more])
    talks.push({ api, person: self.person, talk: { c, userId: otherId } })
  }
  for (const [c, memberIds] of members) history.write({ e: 'conversation', c, memberIds })
  const native = people.slice(0, sizes.raw + sizes.sdk)
  const devices = native.flatMap((somebody, i) => {
    const names = i < sizes.twoDevices ? ['a', 'b'] : ['a']
    somebody.devices = names.map((letter) =>
      newDevice(`${i + 1}${letter}`, somebody, { ...options, isSdk: i >= sizes.raw }),
    )
    return somebody.devices
  })
  // Whoever is on the SDK has a raw device beside it, now and then.
  const mixed = native.at(-1)
  if (mixed) {
    const raw = newDevice(`${native.length}b`, mixed, { ...options, isSdk: false })
    mixed.devices.push(raw)
    devices.push(raw)
  }
  const dialects = talks.map((talk) => new DialectDevice({ ...talk, base: options.base, history }))
  await Promise.all([...devices, ...dialects].map((device) => device.online()))
  return { people, devices, dialects, groups, members }
}

const newDevice = (
  name: string,
  { person }: Somebody,
  options: { base: string; history: History; isSdk: boolean },
): RawDevice | SdkDevice => {
  const { base, history, isSdk } = options
  if (isSdk) return new SdkDevice({ name: `sdk${name}`, base, person, history })
  return new RawDevice({ name: `raw${name}`, base, person, history })
}

const open = async (base: string, by: Somebody, json: object): Promise<number> => {
  const request = { method: 'POST', path: '/v1/conversations', token: by.session.accessToken, json }
  const answer = await insist<WireEntry>(() => ask(base, request))
  if (!answer.ok) throw new Error(`A conversation could not be opened: ${answer.code}`)
  return answer.body.conversation.id
}
