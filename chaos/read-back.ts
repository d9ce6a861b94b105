import type { World } from './clients.ts'
import type { History, Message } from './history.ts'
import { insist, type Person, signIn } from './person.ts'
import { ask } from './rest.ts'
import { messageOf, type WireEntry, type WirePage } from './wire.ts'

/** Where each conversation stands by itself, as its first member reads it. */
export const heads = async (base: string, world: World): Promise<Map<number, number>> => {
  const found = new Map<number, number>()
  for (const somebody of world.people) {
    const { accessToken: token } = await signIn(base, somebody.person)
    for (const [c, memberIds] of world.members) {
      if (found.has(c) || !memberIds.includes(somebody.person.id)) continue
      const answer = await insist<WireEntry>(() => ask(base, { method: 'GET', path: `/v1/conversations/${c}`, token }))
      if (answer.ok) found.set(c, answer.body.rev)
    }
  }
  return found
}

/** Everything that everybody can read, through a sign-in of its own, page by page. */
export const readBack = async (base: string, world: World, history: History): Promise<number> => {
  let messages = 0
  for (const { person } of world.people) messages += await readAs(base, person, history)
  return messages
}

const readAs = async (base: string, person: Person, history: History): Promise<number> => {
  const { accessToken: token } = await signIn(base, person)
  const read = async <Body>(path: string): Promise<Body> => {
    const answer = await insist<Body>(() => ask(base, { method: 'GET', path, token }))
    if (!answer.ok) throw new Error(`${person.username} could not read ${path}: ${answer.code}`)
    return answer.body
  }
  const inbox = await read<{ items: WireEntry[] }>('/v1/conversations')
  let count = 0
  for (const listed of inbox.items) {
    const c = listed.conversation.id
    const messages: Message[] = []
    for (let before = ''; ;) {
      const page = await read<WirePage>(`/v1/conversations/${c}/messages?limit=100${before}`)
      messages.push(...page.items.map(messageOf))
      if (page.nextCursor === null) break
      before = `&before=${page.nextCursor}`
    }
    count += messages.length
    const { epoch, rev, seq, readSeq, unread, memberIds } = await read<WireEntry>(`/v1/conversations/${c}`)
    const stands = { epoch, rev, seq, readSeq, unread, memberIds, inboxUnread: listed.unread }
    history.write({ e: 'reading', who: person.id, c, ...stands, messages: messages.toReversed() })
  }
  return count
}
