import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { APIS } from '../chaos/dialects.ts'
import { PASSWORD } from '../chaos/person.ts'
import { type Answer, ask } from '../harness/rest.ts'
import { type Guest, newGuest, openClient, openGroup } from './guest.ts'
import { type Remains, remainsOf } from './remains.ts'
import type { Row } from './row.ts'

/** Letters that are good in a username, in a client id and in base64. */
const WORD = `mark${randomBytes(6).toString('hex')}`
/** One emoji that nobody else would send: pictures that no font joins. */
const EMOJI = '🦡\u200D🪗\u200D🧿\u200D🛖'
const WORDS = [WORD, EMOJI]
/** A group that others stay in keeps its title, whoever gave it: looked for by itself. */
const TITLE = `title${randomBytes(6).toString('hex')}`

type Group = { name: string; id: number }

/** An account says one word wherever it can, and ends: who then has all files looks for the word. */
export const erasure: Row = {
  id: 'S20',
  demands: 'a deleted account leaves nothing that it said in any row of any database',
  run: async ({ server: prepare, folder }) => {
    const server = await prepare()
    await server.start()
    const speaker = new Speaker(server.url)
    await speaker.signUp()
    const [awake, asleep, late] = [await newGuest(server.url), await newGuest(server.url), await newGuest(server.url)]
    const client = await openClient(server.url, awake)
    const groups = await speaker.openGroups([awake, asleep])
    const direct = await speaker.say('POST', '/v1/conversations', { kind: 'direct', userId: awake.id })
    const directId = (direct as { conversation: { id: number } }).conversation.id
    for (const { id } of [...groups, { id: directId }]) await speaker.talk(id, awake)
    await speaker.meet([awake, asleep, late], groups)
    await speaker.useDialects(awake, directId)
    // Who comes later is told how the group stands: its last word is the speaker's.
    for (const { id } of groups) await speaker.say('POST', `/v1/conversations/${id}/members`, { userIds: [late.id] })
    await speaker.goFrom(groups, awake)
    // That it is found before is what makes not finding it worth something.
    const state = { state: server.state, words: WORDS }
    const before = remainsOf({ ...state, copy: join(folder('memory'), 'before') })
    await speaker.end()
    client.socket.cut()
    await server.kill()
    await server.start()
    const quiet = await ask(server.url, { method: 'GET', path: '/health' })
    await server.kill()
    const after = remainsOf({ ...state, copy: join(folder('memory'), 'after') })
    const titles = remainsOf({ ...state, words: [TITLE], copy: join(folder('memory'), 'titles') })
    const listed = ({ live }: Remains): string =>
      [...live].map(([where, times]) => `${times} × ${where}`).join(', ') || 'none'
    const figure =
      `said in ${speaker.said} ways and then found in ${before.live.size} columns; after the end in ${after.live.size} (${listed(after)}), ` +
      `of ${after.rows} values in ${after.files} databases; titles of groups that others stay in: ${listed(titles)}\n     ` +
      `In bytes that no query reads: ${after.inFiles} times in the files (${before.inFiles} before the end), ` +
      `${after.afterCheckpoint} once the write-ahead logs are empty, ${after.afterVacuum} once free pages are too` +
      (speaker.unheard.length > 0 ? `\n     not taken: ${speaker.unheard.join(', ')}` : '')
    const isGood = before.live.size > 0 && after.live.size === 0 && speaker.unheard.length === 0 && quiet.status === 200
    return { isGood, figure }
  },
}

class Speaker {
  /** How often the word was said. */
  said = 0
  /** What the server did not take, so that nothing is shown by it. */
  readonly unheard: string[] = []
  readonly #base: string
  #token = ''
  #id = 0

  constructor(base: string) {
    this.#base = base
  }

  /** The first of all, so that it may also say what administrators may. */
  async signUp(): Promise<void> {
    const json = { username: WORD, email: `${WORD}@example.org`, displayName: `${WORD} ${WORD}`, password: PASSWORD }
    const headers = { 'content-type': 'application/json', 'user-agent': WORD }
    const request = { method: 'POST', headers, body: JSON.stringify(json) }
    const answer = await fetch(`${this.#base}/v1/auth/register`, request)
    const { accessToken, user } = (await answer.json()) as { accessToken: string; user: { id: number } }
    this.#token = accessToken
    this.#id = user.id
    await fetch(`${this.#base}/v1/auth/login`, {
      ...request,
      body: JSON.stringify({ login: WORD, password: PASSWORD }),
    })
    await this.say('PATCH', '/v1/me', { displayName: `${WORD}!`, email: `${WORD}2@example.org` })
  }

  /** Those that it stays in, that it leaves, that it is removed from, and that it deletes; its own and those of others. */
  async openGroups(others: [Guest, Guest]): Promise<Group[]> {
    const [awake] = others
    const memberIds = others.map(({ id }) => id)
    const groups: Group[] = []
    for (const name of ['own', 'left', 'deleted']) {
      const json = { kind: 'group', title: `${TITLE} ${name}`, memberIds, clientId: `${WORD}_${name}` }
      const { conversation } = (await this.say('POST', '/v1/conversations', json)) as { conversation: Group }
      groups.push({ name, id: conversation.id })
    }
    await this.say('POST', '/v1/conversations', { kind: 'group', title: WORD })
    for (const name of ['theirs', 'removed']) {
      const id = await openGroup(this.#base, awake, [others[1]])
      const path = `/v1/conversations/${id}/members`
      await ask(this.#base, { method: 'POST', path, token: awake.token, json: { userIds: [this.#id] } })
      const json = { role: 'admin' }
      await ask(this.#base, { method: 'PATCH', path: `${path}/${this.#id}`, token: awake.token, json })
      await this.say('PATCH', `/v1/conversations/${id}`, { title: `${TITLE} ${name}` })
      groups.push({ name, id })
    }
    return groups
  }

  /** Every kind of message, and every field of it. */
  async talk(c: number, other: Guest): Promise<void> {
    const path = `/v1/conversations/${c}/messages`
    const heard = await ask<{ id: number }>(this.#base, {
      method: 'POST',
      path,
      token: other.token,
      json: { clientId: `other${c}`, content: { kind: 'text', text: 'somebody else' } },
    })
    const otherId = heard.status !== null && heard.ok ? heard.body.id : 0
    await this.say('PUT', `/v1/messages/${otherId}/reactions/${encodeURIComponent(EMOJI)}`)
    const attachments = [{ fileId: WORD, name: `${WORD}.txt` }]
    const text = (more: string) => ({ kind: 'text', text: `${WORD} ${more}` })
    const sealed = { kind: 'sealed', nonce: WORD, ciphertext: WORD, authTag: WORD, associatedData: WORD }
    const first = (await this.say('POST', path, { clientId: `${WORD}_1`, content: text('one'), attachments })) as {
      id: number
    }
    await this.say('PATCH', `/v1/messages/${first.id}`, { content: text('edited') })
    await this.say('PUT', `/v1/messages/${first.id}/pin`)
    await this.say('POST', path, { clientId: `${WORD}_2`, content: sealed, replyTo: first.id })
    const gone = (await this.say('POST', path, { clientId: `${WORD}_3`, content: text('deleted') })) as { id: number }
    await this.say('DELETE', `/v1/messages/${gone.id}`)
    // Longer than a page of the database, and the last: it is what inboxes show.
    await this.say('POST', path, { clientId: `${WORD}_4`, content: text(`${WORD} ${'and so on '.repeat(600)}${WORD}`) })
  }

  /** Friends, invitations, events. */
  async meet(people: Guest[], groups: Group[]): Promise<void> {
    const [friend, , invited] = people
    await this.say('POST', '/v1/friend-requests', { userId: friend?.id })
    await this.say('POST', '/v1/invitations', { userId: friend?.id, message: WORD })
    await this.say('POST', '/v1/invitations', { userId: invited?.id, conversationId: groups[0]?.id, message: WORD })
    const startsAt = '2027-01-01T12:00:00.000Z'
    const plan = { title: WORD, description: WORD, location: WORD, startsAt }
    const event = (await this.say('POST', '/v1/events', plan)) as { id: number }
    await this.say('PUT', `/v1/events/${event.id}/rsvp`, { answer: 'yes' })
    await this.say('GET', `/v1/users?query=${WORD}`)
  }

  async useDialects(other: Guest, c: number): Promise<void> {
    for (const { post } of APIS) {
      const { method, path, json } = post({ userId: other.id, c }, WORD)
      await this.say(method, path, json)
    }
    const plan = { title: `${WORD} plan`, description: WORD, location: WORD, date: '2027-02-01T12:00:00' }
    await this.say('POST', '/events/', plan)
  }

  async goFrom(groups: Group[], other: Guest): Promise<void> {
    for (const { name, id } of groups) {
      if (name === 'left') await this.say('DELETE', `/v1/conversations/${id}/members/${this.#id}`)
      if (name === 'deleted') await this.say('DELETE', `/v1/conversations/${id}`)
      if (name !== 'removed') continue
      await ask(this.#base, {
        method: 'DELETE',
        path: `/v1/conversations/${id}/members/${this.#id}`,
        token: other.token,
      })
    }
  }

  end(): Promise<unknown> {
    return this.say('DELETE', '/v1/me', { password: PASSWORD })
  }

  async say(method: string, path: string, json?: unknown): Promise<unknown> {
    const request = { method, path, token: this.#token, ...(json !== undefined && { json }) }
    const answer: Answer<unknown> = await ask(this.#base, request)
    this.said += 1
    if (answer.status !== null && answer.ok) return answer.body
    this.unheard.push(`${method} ${path} (${answer.status})`)
    return {}
  }
}
