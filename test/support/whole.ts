import { listDurableObjectIds, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'

type Row = Record<string, number | string | null>
type Conversation = { id: number; kind: string; title: string | null; members: Row[] }
type Hub = { userId: number; inbox: Set<number>; friends: Set<number>; hidden: Set<number> }

/**
 * Reads every row of the directory and of all objects, and says what of it contradicts the rest: what one of them knows of and another should,
 * and what of a change is there without the rest of it.
 */
export const halves = async (): Promise<string[]> => {
  const [conversations, hubs] = [await allConversations(), await allHubs()]
  return [
    ...(await ofRegistry(conversations)),
    ...(await ofMembers(conversations, hubs)),
    ...(await ofCircles(hubs)),
    ...(await ofAccounts(conversations)),
  ]
}

const ofRegistry = async (conversations: Map<number, Conversation>): Promise<string[]> => {
  const registered = await query('SELECT id, kind, pair FROM conversations')
  const ids = new Set(registered.map(({ id }) => Number(id)))
  return [
    ...[...conversations.keys()].filter((id) => !ids.has(id)).map((id) => `conversation ${id} is in no registry`),
    ...registered.flatMap(({ id, kind, pair }) => {
      const found = conversations.get(Number(id))
      if (!found) return [`conversation ${id} was never made`]
      if (found.kind !== kind) return [`conversation ${id} is a ${found.kind}, not a ${kind}`]
      const two = idsOf(found.members).join(':')
      return kind === 'direct' && two !== pair ? [`conversation ${id} is of ${two}, not of ${pair}`] : []
    }),
  ]
}

const ofMembers = async (conversations: Map<number, Conversation>, hubs: Map<number, Hub>): Promise<string[]> => {
  const erased = new Set((await query('SELECT id FROM users WHERE deleted_at IS NOT NULL')).map(({ id }) => Number(id)))
  const isIn = (member: Row | undefined): boolean => member !== undefined && member['left_at'] === null
  const said = [...conversations.values()].flatMap(({ id, members }) =>
    members.flatMap((member) => {
      const userId = Number(member['user_id'])
      const untold = member['told'] === 1 ? [] : [`${userId} was not told of conversation ${id}`]
      // Who ended the account stays the other one of a direct conversation, and has no inbox.
      if (erased.has(userId)) return untold
      const isListed = hubs.get(userId)?.inbox.has(id) === true
      if (isIn(member) === isListed) return untold
      return [...untold, `${userId} is ${isListed ? 'out of' : 'in'} conversation ${id}, and the inbox says otherwise`]
    }),
  )
  const unknown = [...hubs.values()].flatMap(({ userId, inbox }) =>
    [...inbox]
      .filter((id) => !conversations.get(id)?.members.some((member) => member['user_id'] === userId))
      .map((id) => `the inbox of ${userId} has conversation ${id}, which has no such member`),
  )
  return [...said, ...unknown]
}

/** What a hub has copied of friendships and blocks is what the directory says; nobody is both. */
const ofCircles = async (hubs: Map<number, Hub>): Promise<string[]> => {
  const friendships = await query('SELECT low_id AS a, high_id AS b FROM friendships')
  const blocks = await query('SELECT blocker_id AS a, blocked_id AS b FROM blocks')
  const requests = await query('SELECT from_id AS a, to_id AS b FROM friend_requests')
  const [friends, hidden, asked] = [both(friendships), both(blocks), both(requests)]
  const wrong = [...friends].flatMap(([userId, others]) =>
    [...others].flatMap((other) => [
      ...(hidden.get(userId)?.has(other) ? [`${userId} and ${other} are friends, and one has blocked the other`] : []),
      ...(asked.get(userId)?.has(other) ? [`${userId} and ${other} are friends, and one asks to be`] : []),
    ]),
  )
  const stale = [...hubs.values()].flatMap((hub) => [
    ...(isSame(hub.friends, friends.get(hub.userId)) ? [] : [`the hub of ${hub.userId} has other friends`]),
    ...(isSame(hub.hidden, hidden.get(hub.userId)) ? [] : [`the hub of ${hub.userId} hides others`]),
  ])
  return [...wrong, ...stale]
}

const ofAccounts = async (conversations: Map<number, Conversation>): Promise<string[]> => {
  const bare = await query(
    'SELECT id FROM sessions WHERE id NOT IN (SELECT session_id FROM refresh_tokens WHERE spent_at IS NULL) AND revoked_at IS NULL',
  )
  const left = await query(
    `SELECT id FROM users WHERE deleted_at IS NOT NULL AND (
      email <> '' OR password_hash <> '' OR display_name <> 'Deleted user'
      OR EXISTS (SELECT 1 FROM sessions WHERE user_id = users.id)
      OR EXISTS (SELECT 1 FROM friendships WHERE users.id IN (low_id, high_id))
      OR EXISTS (SELECT 1 FROM friend_requests WHERE users.id IN (from_id, to_id))
      OR EXISTS (SELECT 1 FROM invitations WHERE users.id IN (from_id, to_id))
      OR EXISTS (SELECT 1 FROM blocks WHERE users.id IN (blocker_id, blocked_id)))`,
  )
  const invited = await query(
    "SELECT id, to_id, conversation_id FROM invitations WHERE status = 'accepted' OR conversation_id IS NOT NULL",
  )
  const accepted = await query("SELECT id FROM invitations WHERE status = 'accepted'")
  const isAccepted = new Set(accepted.map(({ id }) => id))
  return [
    ...bare.map(({ id }) => `session ${id} has no token`),
    ...left.map(({ id }) => `account ${id} ended, and not all of it`),
    ...invited.flatMap((row) => {
      const members = conversations.get(Number(row['conversation_id']))?.members
      const isMember = members?.some((member) => member['user_id'] === row['to_id']) ?? false
      return isMember === isAccepted.has(row['id'] ?? null) ? [] : [`invitation ${row['id']} and who is in differ`]
    }),
  ]
}

const query = async (sql: string): Promise<Row[]> => (await env.DIRECTORY.prepare(sql).all<Row>()).results

/** Those of which there is anything: one that was only asked has no tables. */
const allConversations = async (): Promise<Map<number, Conversation>> => {
  const found = new Map<number, Conversation>()
  for (const objectId of await listDurableObjectIds(env.CONVERSATION)) {
    await runInDurableObject(env.CONVERSATION.get(objectId), (_, { storage: { sql } }) => {
      if (sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'conversation'").toArray().length === 0) return
      const [row] = sql.exec<{ id: number; kind: string; title: string | null }>('SELECT * FROM conversation')
      if (row) found.set(row.id, { ...row, members: sql.exec<Row>('SELECT * FROM members').toArray() })
    })
  }
  return found
}

const allHubs = async (): Promise<Map<number, Hub>> => {
  const found = new Map<number, Hub>()
  for (const { id: user } of await query('SELECT id FROM users')) {
    const userId = Number(user)
    await runInDurableObject(env.USER_HUB.getByName(String(userId)), (_, { storage: { sql } }) => {
      const ids = (rows: Iterable<Row>) => new Set([...rows].map(({ id }) => Number(id)))
      found.set(userId, {
        userId,
        inbox: ids(sql.exec<Row>('SELECT conversation_id AS id FROM inbox')),
        friends: ids(sql.exec<Row>("SELECT user_id AS id FROM circle WHERE standing = 'friend'")),
        hidden: ids(sql.exec<Row>("SELECT user_id AS id FROM circle WHERE standing = 'hidden'")),
      })
    })
  }
  return found
}

/** Whom each has to do with by these pairs. */
const both = (pairs: Row[]): Map<number, Set<number>> => {
  const others = new Map<number, Set<number>>()
  const add = (one: number, other: number): void => void others.set(one, (others.get(one) ?? new Set()).add(other))
  for (const { a, b } of pairs) {
    add(Number(a), Number(b))
    add(Number(b), Number(a))
  }
  return others
}

const isSame = (some: Set<number>, others: Set<number> = new Set()): boolean =>
  some.size === others.size && [...some].every((each) => others.has(each))

const idsOf = (members: Row[]): number[] => members.map((member) => Number(member['user_id'])).toSorted((a, b) => a - b)
