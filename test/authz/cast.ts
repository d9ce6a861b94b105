import { env } from 'cloudflare:workers'
import { hashPassword } from '../../src/directory/credentials.ts'
import { signAccessToken } from '../../src/directory/tokens.ts'
import type { InboxEntry, Member } from '../../src/protocol/conversation.ts'
import type { CalendarEvent } from '../../src/protocol/calendar.ts'
import type { Invitation } from '../../src/protocol/invitation.ts'
import { messageIdOf } from '../../src/protocol/ids.ts'
import type { Message } from '../../src/protocol/message.ts'
import { text } from '../support/people.ts'
import { ask, newName, PASSWORD, signIn } from '../support/rest.ts'

/**
 * Who asks, from nobody at all to the one who may do everything in a conversation. What is asked about is `member`'s: the message is
 * one that `member` wrote in a group, the event one that `member` organizes, and so on.
 */
export const ACTORS = [
  /** Has no token. */
  'anonymous',
  /** Is the owner of the group, with a token of a session that was signed out. */
  'revoked',
  /** Is the owner of the group, with a token that has expired. */
  'expired',
  /** Is signed in, and shares nothing with anybody here. */
  'stranger',
  /** Was blocked by `member`; what is asked about is the direct conversation of the two. */
  'blocked',
  /** Was in the group until the owner removed them. */
  'removed',
  /** Is in the group and wrote none of it; a friend of `member`. */
  'other',
  /** Whose things these are. */
  'member',
  /** Is in the group, as an admin of it. */
  'admin',
  /** Owns the group. */
  'owner',
  /** Runs the server, and is not in the group. */
  'administrator',
] as const
export type Actor = (typeof ACTORS)[number]

/** The last four are those to whom things are done. */
const PEOPLE = [
  'owner',
  'admin',
  'member',
  'other',
  'removed',
  'blocked',
  'stranger',
  'administrator',
  'guest',
  'passerby',
  'victim of admin',
  'victim of owner',
]
type Person = { id: number; username: string; token: string; sessionId: string }

/** The things that routes and frames name. */
export type Things = {
  conversation: number
  message: number
  member: number
  guest: number
  victim: number
  request: number
  ownRequest: number
  invitation: number
  ownInvitation: number
  event: number
  session: string
  /** A conversation of the administrator's, and an invitation for them. */
  administrators: { conversation: number; invitation: number }
}

/** People, a group, a direct conversation and what else there is to ask about: made for one row of the table. */
export class Cast {
  readonly #people: Record<string, Person>
  readonly #tokens: Partial<Record<Actor, string>>
  #things!: Omit<Things, 'conversation' | 'message' | 'victim'>
  group = 0
  direct = 0
  refreshToken = ''
  #directMessage = 0
  #groupMessage = 0
  #essenceAtFirst = ''

  private constructor(people: Record<string, Person>, tokens: Partial<Record<Actor, string>>) {
    this.#people = people
    this.#tokens = tokens
  }

  static async gather(): Promise<Cast> {
    const enrolled = await Promise.all(
      PEOPLE.map(async (name) => [name, await enroll(name === 'administrator')] as const),
    )
    const people: Record<string, Person> = Object.fromEntries(enrolled)
    const owner = people['owner']
    if (!owner) throw new Error('nobody owns the group')
    const cast = new Cast(people, {
      revoked: await openSession(owner, { isRevoked: true }).then(({ token }) => token),
      expired: await tokenOf(owner, Date.now() - 1_000),
    })
    await cast.#prepare()
    cast.#essenceAtFirst = await cast.#essence()
    return cast
  }

  token(actor: Actor): string | undefined {
    return actor === 'anonymous' ? undefined : (this.#tokens[actor] ?? this.person(actor).token)
  }

  person(name: string): Person {
    const person = this.#people[name]
    if (!person) throw new Error(`there is no ${name}`)
    return person
  }

  idOf(actor: Actor): number {
    return this.person(actor in this.#people ? actor : 'owner').id
  }

  usernameOf(actor: Actor): string {
    return this.person(actor in this.#people ? actor : 'owner').username
  }

  /** What this actor asks about. */
  things(actor: Actor): Things {
    const isBlocked = actor === 'blocked'
    return {
      ...this.#things,
      conversation: isBlocked ? this.direct : this.group,
      message: isBlocked ? this.#directMessage : this.#groupMessage,
      victim: this.person(actor === 'owner' ? 'victim of owner' : 'victim of admin').id,
    }
  }

  /** The same, with a message that nobody has touched. */
  async thingsAnew(actor: Actor): Promise<Things> {
    const things = this.things(actor)
    return actor === 'blocked' ? things : { ...things, message: await this.#say('member', this.group) }
  }

  /** The same, of what there is none. */
  get nothing(): Things {
    const none = 9_999_999
    const nowhere = { conversation: none, invitation: none }
    return {
      conversation: none,
      message: messageIdOf(none, 1),
      member: none,
      guest: this.#things.guest,
      victim: none,
      request: none,
      ownRequest: none,
      invitation: none,
      ownInvitation: none,
      event: none,
      session: 'nonsense',
      administrators: nowhere,
    }
  }

  /** Everything that a refused call must leave as it is. */
  async state(): Promise<string> {
    return JSON.stringify([await factsOfDirectory(), await this.#revs()])
  }

  /** Whether the next row finds all as it was: messages come and go, but everybody is where they were, and nothing is used up. */
  async isWhole(): Promise<boolean> {
    return (await this.#essence()) === this.#essenceAtFirst
  }

  async #essence(): Promise<string> {
    const path = `/v1/conversations/${this.group}/members`
    const { body } = await ask<{ items?: Member[] }>('GET', path, { token: this.person('owner').token })
    const members = body.items?.map(({ role, leftAt }) => [role, leftAt])
    return JSON.stringify([await factsOfDirectory(), (await this.#revs()).length, members])
  }

  /** How far the logs of the two conversations are; one that is gone has none. */
  async #revs(): Promise<number[]> {
    const asked = [
      ask<Partial<InboxEntry>>('GET', `/v1/conversations/${this.group}`, { token: this.person('owner').token }),
      ask<Partial<InboxEntry>>('GET', `/v1/conversations/${this.direct}`, { token: this.person('member').token }),
    ]
    return (await Promise.all(asked)).flatMap(({ body }) => body.rev ?? [])
  }

  async #prepare(): Promise<void> {
    const id = (name: string) => this.person(name).id
    type Requested = { request: { id: number } }
    const befriend = async (from: string, to: string): Promise<number> =>
      (await this.#do<Requested>(from, 'POST', '/v1/friend-requests', { userId: id(to) })).request?.id
    const invite = async (from: string, to: string): Promise<number> =>
      (await this.#do<Invitation>(from, 'POST', '/v1/invitations', { userId: id(to) })).id
    const plan = { title: `Ball of ${this.person('member').username}`, startsAt: '2030-01-01T20:00:00.000Z' }

    await Promise.all([
      this.#prepareGroup(),
      this.#prepareDirect(),
      befriend('other', 'member').then(() => befriend('member', 'other')),
    ])
    const [request, ownRequest, invitation, ownInvitation, event, session, direct, administrators, signedIn] =
      await Promise.all([
        befriend('guest', 'member'),
        befriend('member', 'passerby'),
        invite('guest', 'member'),
        invite('member', 'passerby'),
        this.#do<CalendarEvent>('member', 'POST', '/v1/events', plan),
        openSession(this.person('member')),
        this.#open('administrator', { kind: 'direct', userId: id('guest') }),
        invite('guest', 'administrator'),
        signIn(this.person('guest').username),
      ])
    this.refreshToken = signedIn.body.refreshToken
    this.#things = {
      member: id('member'),
      guest: id('guest'),
      request,
      ownRequest,
      invitation,
      ownInvitation,
      event: event.id,
      session: session.sessionId,
      administrators: { conversation: direct, invitation: administrators },
    }
  }

  async #prepareGroup(): Promise<void> {
    const others = ['admin', 'member', 'other', 'removed', 'victim of admin', 'victim of owner']
    const memberIds = others.map((name) => this.person(name).id)
    this.group = await this.#open('owner', { kind: 'group', title: 'Picnic', memberIds })
    const members = `/v1/conversations/${this.group}/members`
    await this.#do('owner', 'PATCH', `${members}/${this.person('admin').id}`, { role: 'admin' })
    await this.#do('owner', 'DELETE', `${members}/${this.person('removed').id}`)
    this.#groupMessage = await this.#say('member', this.group)
  }

  async #prepareDirect(): Promise<void> {
    const userId = this.person('blocked').id
    this.direct = await this.#open('member', { kind: 'direct', userId })
    this.#directMessage = await this.#say('member', this.direct)
    await this.#do('member', 'PUT', `/v1/blocks/${userId}`)
  }

  async #open(name: string, json: object): Promise<number> {
    return (await this.#do<InboxEntry>(name, 'POST', '/v1/conversations', json)).conversation.id
  }

  async #say(name: string, conversationId: number): Promise<number> {
    const json = { clientId: crypto.randomUUID(), content: text('bonjour') }
    return (await this.#do<Message>(name, 'POST', `/v1/conversations/${conversationId}/messages`, json)).id
  }

  async #do<Body>(name: string, method: string, path: string, json?: object): Promise<Body> {
    const { token } = this.person(name)
    const { status, body } = await ask<Body>(method, path, { token, ...(json && { json }) })
    if (status >= 400) throw new Error(`${name}: ${method} ${path} came to ${status} ${JSON.stringify(body)}`)
    return body
  }
}

/** What the directory holds, without the sessions and accounts that anybody may open. */
const FACTS = [
  "SELECT count(*), total(deleted_at), count(DISTINCT password_hash) FROM users WHERE username GLOB 'cast*'",
  "SELECT count(*) FROM sessions JOIN users ON users.id = user_id WHERE revoked_at IS NULL AND username GLOB 'cast*'",
  'SELECT count(*) FROM conversations',
  'SELECT count(*), total(user_id) FROM rsvps',
  'SELECT count(*), total(low_id * 1000 + high_id) FROM friendships',
  'SELECT count(*), total(id) FROM friend_requests',
  'SELECT count(*), total(blocker_id * 1000 + blocked_id) FROM blocks',
  'SELECT count(*), total(answered_at) FROM invitations',
  'SELECT count(*), total(length(location)) FROM events',
]

const factsOfDirectory = async (): Promise<unknown[]> => {
  const asked = await env.DIRECTORY.batch(FACTS.map((sql) => env.DIRECTORY.prepare(sql)))
  return asked.map(({ results }) => results)
}

// Hashing one for each would take most of the time.
let passwordHash: string | undefined

const enroll = async (isAdmin: boolean): Promise<Person> => {
  passwordHash ??= hashPassword(PASSWORD)
  const username = newName('cast')
  const row = await env.DIRECTORY.prepare(
    `INSERT INTO users (username, username_key, email, email_key, display_name, display_name_key, password_hash, is_admin, created_at)
     VALUES (?1, ?1, ?1 || '@example.org', ?1 || '@example.org', ?1, ?1, ?2, ?3, ?4) RETURNING id`,
  )
    .bind(username, passwordHash, isAdmin ? 1 : 0, Date.now())
    .first<{ id: number }>()
  const person = { id: row?.id ?? 0, username }
  return { ...person, ...(await openSession(person)) }
}

const openSession = async (
  { id }: { id: number },
  { isRevoked = false } = {},
): Promise<{ token: string; sessionId: string }> => {
  const now = Date.now()
  const sessionId = crypto.randomUUID()
  await env.DIRECTORY.prepare(
    'INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at, revoked_at) VALUES (?1, ?2, ?3, ?3, ?4, ?5)',
  )
    .bind(sessionId, id, now, now + 3_600_000, isRevoked ? now : null)
    .run()
  return { sessionId, token: await tokenOf({ id, sessionId }, now + 600_000) }
}

const tokenOf = ({ id, sessionId }: { id: number; sessionId: string }, expiresAt: number): Promise<string> =>
  signAccessToken(env, { userId: id, sessionId, now: expiresAt - 600_000, expiresAt })
