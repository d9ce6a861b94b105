import type { InboxEntry, Member, MemberList, NewConversation, Role } from '../protocol/conversation.ts'
import type { Http } from './http.ts'
import { newClientId } from './client-id.ts'

type Ports = {
  http: Http
  viewerId: () => number
  /** Where a conversation stands, as an answer said it. */
  onEntry: (entry: InboxEntry) => void
  /** The user is no longer a member. */
  onGone: (conversationId: number) => void
}

/** Making and changing conversations. */
export class Conversations {
  readonly #ports: Ports

  constructor(ports: Ports) {
    this.#ports = ports
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

  async rename(id: number, title: string): Promise<InboxEntry> {
    return this.#told(await this.#ports.http.send({ method: 'PATCH', path: pathOf(id), json: { title } }))
  }

  /** Deletes it for everybody. */
  async remove(id: number): Promise<void> {
    await this.#ports.http.send({ method: 'DELETE', path: pathOf(id) })
    this.#ports.onGone(id)
  }

  async members(id: number): Promise<Member[]> {
    return itemsOf(await this.#ports.http.get(`${pathOf(id)}/members`))
  }

  async addMembers(id: number, userIds: readonly number[]): Promise<Member[]> {
    return itemsOf(await this.#ports.http.post(`${pathOf(id)}/members`, { userIds }))
  }

  async removeMember(id: number, userId: number): Promise<void> {
    await this.#ports.http.send({ method: 'DELETE', path: `${pathOf(id)}/members/${userId}` })
  }

  async leave(id: number): Promise<void> {
    await this.removeMember(id, this.#ports.viewerId())
    this.#ports.onGone(id)
  }

  /** Making another the owner makes the owner an admin. */
  async setRole(id: number, change: { userId: number; role: Role }): Promise<Member[]> {
    const { userId, role } = change
    return itemsOf(
      await this.#ports.http.send({ method: 'PATCH', path: `${pathOf(id)}/members/${userId}`, json: { role } }),
    )
  }

  async #create(input: NewConversation): Promise<InboxEntry> {
    return this.#told(await this.#ports.http.post('/v1/conversations', input))
  }

  #told(entry: InboxEntry): InboxEntry {
    this.#ports.onEntry(entry)
    return entry
  }
}

const pathOf = (id: number): string => `/v1/conversations/${id}`

const itemsOf = (list: MemberList): Member[] => list.items
