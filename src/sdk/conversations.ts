import type { InboxEntry, Member, MemberList, NewConversation, Role } from '../protocol/conversation.ts'
import type { Http } from './http.ts'
import { newClientId } from './client-id.ts'

type Deps = {
  http: Http
  viewerId: () => number
  /** Called before asking; what it returns takes where the conversation stands, as the answer says it. */
  expectEntry: () => (entry: InboxEntry) => void
  /** The user is no longer a member. */
  onGone: (conversationId: number) => void
}

/** Making and changing conversations. Of what the user is not in, everything is refused with `conversation.not_found`. */
export class Conversations {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** The direct conversation with this person; made if there is none. */
  openDirect(userId: number): Promise<InboxEntry> {
    return this.#create({ kind: 'direct', userId })
  }

  /** Repeat `clientId` where an earlier call may have reached the server: the group is made once. */
  createGroup(input: { title: string; memberIds: readonly number[]; clientId?: string }): Promise<InboxEntry> {
    const { title, memberIds, clientId = newClientId() } = input
    return this.#create({ kind: 'group', title, memberIds: [...memberIds], clientId })
  }

  /** Gives a group another title. `conversation.is_direct`, `member.not_allowed`. */
  rename(id: number, title: string): Promise<InboxEntry> {
    return this.#entryOf(this.#deps.http.send({ method: 'PATCH', path: pathOf(id), json: { title } }))
  }

  /** Deletes it for everybody. */
  async remove(id: number): Promise<void> {
    await this.#deps.http.send({ method: 'DELETE', path: pathOf(id) })
    this.#deps.onGone(id)
  }

  /** Who is in it now, all of them. */
  async members(id: number): Promise<Member[]> {
    return itemsOf(await this.#deps.http.get(`${pathOf(id)}/members`))
  }

  /**
   * Brings people into a group; answers who is in it then. `conversation.is_direct`, `conversation.full`, `conversation.blocked` by one of
   * them, `member.not_allowed`, `user.not_found`.
   */
  async addMembers(id: number, userIds: readonly number[]): Promise<Member[]> {
    return itemsOf(await this.#deps.http.post(`${pathOf(id)}/members`, { userIds }))
  }

  /** Takes somebody out of a group. `conversation.is_direct`, `member.not_found`, `member.not_allowed`. */
  async removeMember(id: number, userId: number): Promise<void> {
    await this.#deps.http.send({ method: 'DELETE', path: `${pathOf(id)}/members/${userId}` })
  }

  /** Takes the user out of a group. `conversation.is_direct`. */
  async leave(id: number): Promise<void> {
    await this.removeMember(id, this.#deps.viewerId())
    this.#deps.onGone(id)
  }

  /** Making another the owner makes the owner an admin. */
  async setRole(id: number, change: { userId: number; role: Role }): Promise<Member[]> {
    const { userId, role } = change
    return itemsOf(
      await this.#deps.http.send({ method: 'PATCH', path: `${pathOf(id)}/members/${userId}`, json: { role } }),
    )
  }

  #create(input: NewConversation): Promise<InboxEntry> {
    return this.#entryOf(this.#deps.http.post('/v1/conversations', input))
  }

  async #entryOf(answer: Promise<InboxEntry>): Promise<InboxEntry> {
    const take = this.#deps.expectEntry()
    const entry = await answer
    take(entry)
    return entry
  }
}

const pathOf = (id: number): string => `/v1/conversations/${id}`

const itemsOf = (list: MemberList): Member[] => list.items
