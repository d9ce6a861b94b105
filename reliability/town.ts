import { PASSWORD } from '../chaos/person.ts'
import { ask } from '../harness/rest.ts'
import { type Guest, type NativeClient, newGuests, openClient, openGroup, signIn } from './guest.ts'

type Shown = { who: string; inbox: Entry[]; histories: unknown[][]; people: unknown[] }
type Entry = { conversation: { id: number }; seq: number; epoch: string }
type Member = { userId: number }
type Message = { id: number; seq: number }

/** People who did everything that there is to do, each of it once at least. */
export class Town {
  readonly alice: Guest
  readonly bob: Guest
  /** The group in which most was said. */
  readonly group: number
  readonly #people: Guest[]

  private constructor(people: Guest[], group: number) {
    const [alice, bob] = people as [Guest, Guest]
    this.alice = alice
    this.bob = bob
    this.group = group
    this.#people = people
  }

  static async found(base: string, messages: number): Promise<Town> {
    const people = await newGuests(base, 7)
    const [alice, bob, carol, dave, erin, frank] = people as [Guest, Guest, Guest, Guest, Guest, Guest]
    const does = async <Body>(who: Guest, method: string, path: string, json?: object): Promise<Body> => {
      const answer = await ask<Body>(base, { method, path, token: who.token, ...(json && { json }) })
      if (answer.status !== null && answer.ok) return answer.body
      throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`)
    }
    const group = await openGroup(base, alice, people.slice(1))
    await talk({ base, writers: [alice, bob, carol], group, messages })
    const say = (who: Guest, c: number, content: object, more: object = {}) =>
      does<Message>(who, 'POST', `/v1/conversations/${c}/messages`, {
        clientId: `town-${Math.random().toString(36).slice(2)}`,
        content,
        ...more,
      })
    const words = (said: string) => ({ kind: 'text', text: said })
    const open = async (who: Guest, userId: number): Promise<number> => {
      const json = { kind: 'direct', userId }
      return (await does<{ conversation: { id: number } }>(who, 'POST', '/v1/conversations', json)).conversation.id
    }

    // Messages: of every kind, and changed in every way.
    const direct = await open(alice, bob.id)
    const long = await say(
      alice,
      direct,
      words(`a line\u2028separator, "quotes", \\u0000 and 🧿 ${'and so on '.repeat(700)}`),
    )
    const attachments = [{ fileId: 'none', name: 'none.txt' }]
    const sealed = {
      kind: 'sealed',
      nonce: 'AAAA',
      ciphertext: 'A'.repeat(120_000),
      authTag: 'AAAA',
      associatedData: '',
    }
    for (let i = 0; i < 8; i += 1)
      await say(bob, direct, sealed, { replyTo: long.id, mentions: [alice.id], attachments })
    for (const who of people) {
      const { id } = await say(who, group, words('to be changed'))
      await does(who, 'PATCH', `/v1/messages/${id}`, { content: words('changed') })
      for (const emoji of ['👍', '🧿'])
        await does(bob, 'PUT', `/v1/messages/${id}/reactions/${encodeURIComponent(emoji)}`)
      await does(alice, 'PUT', `/v1/messages/${id}/pin`)
      const gone = await say(who, group, words('to be deleted'))
      await does(who, 'DELETE', `/v1/messages/${gone.id}`)
    }
    await does(bob, 'PUT', `/v1/conversations/${group}/read`, { seq: messages - 10 })
    await does(carol, 'PUT', `/v1/conversations/${group}/read`, { seq: 17 })

    // Members: who leads, who left, who came back, who is no more, and what was deleted.
    const members = `/v1/conversations/${group}/members`
    await does(alice, 'PATCH', `${members}/${bob.id}`, { role: 'admin' })
    await does(dave, 'DELETE', `${members}/${dave.id}`)
    await does(carol, 'DELETE', `${members}/${carol.id}`)
    await does(alice, 'POST', members, { userIds: [carol.id] })
    await does(erin, 'DELETE', '/v1/me', { password: PASSWORD })
    await does(alice, 'PATCH', `/v1/conversations/${group}`, { title: 'Another title' })
    const deleted = await openGroup(base, frank, [bob])
    await say(bob, deleted, words('of a group that is no more'))
    await does(frank, 'DELETE', `/v1/conversations/${deleted}`)
    const again = await open(carol, dave.id)
    await does(carol, 'DELETE', `/v1/conversations/${again}`)
    await open(dave, carol.id)

    // People and plans: friends, requests, blocks, invitations, events; and of each one that was and is no more.
    for (const other of [alice, carol]) {
      await does(bob, 'POST', '/v1/friend-requests', { userId: other.id })
      await does(other, 'POST', '/v1/friend-requests', { userId: bob.id })
    }
    await does(bob, 'DELETE', `/v1/friends/${carol.id}`)
    await does(frank, 'POST', '/v1/friend-requests', { userId: alice.id })
    await open(frank, dave.id)
    for (const other of [dave, carol]) await does(frank, 'PUT', `/v1/blocks/${other.id}`)
    await does(frank, 'DELETE', `/v1/blocks/${carol.id}`)
    await does(alice, 'POST', '/v1/invitations', { userId: dave.id, conversationId: group, message: 'come back' })
    const asked = await does<Message>(carol, 'POST', '/v1/invitations', { userId: alice.id })
    await does(alice, 'POST', `/v1/invitations/${asked.id}/accept`)
    for (const title of ['Ball', 'Fair']) {
      const plan = { title, description: 'with\nlines', location: 'there', startsAt: '1960-01-01T00:00:00.000Z' }
      const { id } = await does<Message>(alice, 'POST', '/v1/events', plan)
      await does(bob, 'PUT', `/v1/events/${id}/rsvp`, { answer: 'maybe' })
      if (title === 'Fair') await does(alice, 'DELETE', `/v1/events/${id}`)
    }
    const second = await signIn(base, bob.name)
    await does(second, 'POST', '/v1/auth/logout')
    return new Town(
      people.filter((each) => each !== erin),
      group,
    )
  }

  /** The highest number of an account. */
  get lastId(): number {
    return Math.max(...this.#people.map(({ id }) => id))
  }

  /** What each of them is shown: the inbox, every history, friends and plans. Which log it is of is left out. */
  async seen(base: string): Promise<Shown[]> {
    const shown: Shown[] = []
    for (const { name } of this.#people) {
      const { token } = await signIn(base, name)
      const read = async <Body>(path: string): Promise<Body> => {
        const answer = await ask<Body>(base, { method: 'GET', path, token })
        if (answer.status !== null && answer.ok) return answer.body
        throw new Error(`GET ${path}: ${JSON.stringify(answer)}`)
      }
      const { items } = await read<{ items: Entry[] }>('/v1/conversations')
      const inbox = items
        .map((entry) => ({ ...entry, epoch: '' }))
        .toSorted((a, b) => a.conversation.id - b.conversation.id)
      const histories: unknown[][] = []
      for (const { conversation } of inbox) {
        const path = `/v1/conversations/${conversation.id}`
        const { items: members } = await read<{ items: Member[] }>(`${path}/members`)
        histories.push(members.toSorted((a, b) => a.userId - b.userId))
        for (let before: string | null = ''; before !== null;) {
          const query: string = `?limit=100${before && `&before=${before}`}`
          const page: { items: unknown[]; nextCursor: string | null } = await read(`${path}/messages${query}`)
          histories.push(page.items)
          before = page.nextCursor
        }
      }
      const lists = ['friends', 'friend-requests', 'blocks', 'invitations', 'events', 'me']
      shown.push({ who: name, inbox, histories, people: await Promise.all(lists.map((each) => read(`/v1/${each}`))) })
    }
    return shown
  }

  lastSeqIn(shown: Shown[]): number {
    const mine = shown.find(({ who }) => who === this.alice.name)?.inbox ?? []
    return mine.find(({ conversation }) => conversation.id === this.group)?.seq ?? 0
  }
}

const talk = async (options: { base: string; writers: Guest[]; group: number; messages: number }): Promise<void> => {
  const { base, writers, group, messages } = options
  const clients = await Promise.all(writers.map((each) => openClient(base, each)))
  for (let sent = 0; sent < messages; sent += 100) {
    const some = Array.from({ length: 100 }, (_, i) =>
      (clients[i % clients.length] as NativeClient).say(group, `said-${sent + i}`),
    )
    await Promise.all(some)
  }
  for (const { socket } of clients) socket.cut()
}
