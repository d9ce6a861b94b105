import type { Somebody, World } from './clients.ts'
import type { History, Message } from './history.ts'
import { insist, type Person, signIn, signInAgain } from './person.ts'
import { ask } from '../harness/rest.ts'
import { messageOf, type WireEntry, type WirePage } from './wire.ts'

/**
 * Where each conversation stands by itself, as one of its members reads it. By the sessions that there are: to sign everybody in would keep the
 * server busy for seconds, and others are waiting for it.
 */
export const heads = async (base: string, { members, people }: World): Promise<Map<number, number>> => {
  const found = new Map<number, number>()
  for (const [c, memberIds] of members) {
    for (const somebody of people.filter(({ person }) => memberIds.includes(person.id))) {
      const rev = await headAs(base, somebody, c)
      if (rev === null) continue
      found.set(c, rev)
      break
    }
  }
  return found
}

const headAs = async (base: string, somebody: Somebody, c: number): Promise<number | null> => {
  const read = () =>
    insist<WireEntry>(() =>
      ask(base, { method: 'GET', path: `/v1/conversations/${c}`, token: somebody.session.accessToken }),
    )
  let answer = await read()
  if (answer.status === 401) {
    somebody.session = await signInAgain(base, somebody)
    answer = await read()
  }
  return answer.ok ? answer.body.rev : null
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
