import { isAlive, OFFLINE_GRACE_MS } from '../core/presence.ts'
import { logFault } from '../directory/faults.ts'
import type { InboxEntry } from '../protocol/conversation.ts'
import type { Presence } from '../protocol/user.ts'
import type { Circle } from './circle.ts'
import type { InboxReader } from './inbox-reader.ts'
import type { LiveSockets } from './live-sockets.ts'
import { PresenceBook, type PresenceReport } from './presence-book.ts'
import { hubOf } from './stubs.ts'
import { CALL_LIMIT_MS, withinTwice } from './within.ts'

type Hub = {
  userId: number
  env: Env
  sockets: LiveSockets
  circle: Circle
  reader: InboxReader
  /** Tells this user's sockets that a peer came or went. */
  tell: (presence: Presence) => void
}

/**
 * Tells the peers that this user comes and goes, and learns how they stand. Peers are friends and those who share a conversation, less
 * those hidden by a block.
 */
export class PresenceDesk {
  readonly #hub: Hub
  readonly #book: PresenceBook
  #reportedAt = 0

  constructor(hub: Hub) {
    this.#hub = hub
    this.#book = new PresenceBook(hub.sockets.size > 0)
  }

  /** Peers that are known to be online, without asking anybody; `entries` are the lines of the inbox. */
  known(entries: InboxEntry[]): number[] {
    const peers = new Set(this.#peersIn(entries))
    return this.#book.online().filter((userId) => peers.has(userId))
  }

  /** Whether others were told last that this user is here. */
  get isAnnounced(): boolean {
    return this.#book.announced
  }

  /** A socket was greeted. */
  async arrived(): Promise<void> {
    if (this.#book.announced) return this.#book.warm ? undefined : this.#meetPeers()
    this.#book.announced = true
    // A change of the circle that could not be told to this hub is learned here.
    const { circle, userId } = this.#hub
    await circle.refresh().catch((error: unknown) => logFault('circle.stale', error, { level: 'warn', userId }))
    await Promise.all([this.#meetPeers(), this.parted()])
  }

  /** A socket went. Whether its user did shows after the grace, so that a reconnect is no change. */
  mayHaveLeft(): void {
    if (!this.#hasLeft()) return
    setTimeout(() => {
      if (this.#hasLeft()) void this.#announce(false)
    }, OFFLINE_GRACE_MS)
  }

  /** A peer came or went; answers how this user stands, so that one call tells both. */
  meet(peer: PresenceReport): PresenceReport {
    if (this.#hub.circle.hides(peer.userId)) return this.#report(offline(this.#hub.userId))
    this.#learn(peer)
    return this.#report(this.#own())
  }

  /** The user shares a conversation with these people now. */
  meetNewcomers(userIds: number[]): Promise<void> {
    return this.#meet(this.#visible(userIds).filter((id) => !this.#book.knows(id)))
  }

  /** A conversation was left: those with whom nothing else is shared are out of sight. */
  async parted(): Promise<void> {
    if (this.#book.online().length === 0) return
    const peers = new Set(await this.peers())
    for (const userId of this.#book.online()) if (!peers.has(userId)) this.#lose(userId)
  }

  /** Friends or blocks changed: whom this user sees, and who sees this user, follows when it returns. */
  async circleChanged(): Promise<void> {
    // Where nobody is here, nobody sees anybody, and nobody was told that this user is.
    if (!this.#book.announced) return this.#hub.circle.refresh()
    const before = await this.peers()
    await this.#hub.circle.refresh()
    const peers = new Set(await this.peers())
    for (const userId of before) if (!peers.has(userId)) this.#lose(userId)
    for (const userId of before) peers.delete(userId)
    if (this.#book.announced) void this.#meet([...peers])
  }

  /** Which of these peers are online now, the user among them. */
  async onlineAmong(peers: number[]): Promise<number[]> {
    const learned = await this.#ask(peers)
    return [this.#own(), ...learned].flatMap((presence) => (presence.online ? [presence.userId] : []))
  }

  /** How these people stand. Somebody who is no peer looks as one who is never here. */
  async presenceOf(userIds: number[]): Promise<Presence[]> {
    const peers = new Set(await this.peers())
    const learned = await this.#ask(userIds.filter((id) => peers.has(id)))
    const found = new Map([this.#own(), ...learned.map(presenceIn)].map((presence) => [presence.userId, presence]))
    return userIds.map((userId) => found.get(userId) ?? offline(userId))
  }

  #hasLeft(): boolean {
    const { sockets } = this.#hub
    return this.#book.announced && !sockets.isOnline(Date.now()) && !sockets.isGreeting
  }

  async #announce(online: boolean): Promise<void> {
    if (this.#book.announced === online) return
    this.#book.announced = online
    await this.#meetPeers()
    if (!online) this.#book.forget()
  }

  async #meetPeers(): Promise<void> {
    await this.#meet(await this.peers())
  }

  async #meet(peers: number[]): Promise<void> {
    this.#book.warm = true
    for (const report of await this.#ask(peers)) {
      // Who is not here and never was, as far as anybody knows, is no news.
      if (report.online || this.#book.knows(report.userId)) this.#learn(report)
      else this.#book.note(report)
    }
  }

  #ask(peers: number[]): Promise<PresenceReport[]> {
    return this.#book.exchange(peers, (userId) =>
      withinTwice(CALL_LIMIT_MS, () => hubOf(this.#hub.env, userId).meet(this.#report(this.#own()))),
    )
  }

  #learn(report: PresenceReport): void {
    if (this.#book.note(report)) this.#hub.tell(presenceIn(report))
  }

  #lose(userId: number): void {
    if (this.#book.lose(userId)) this.#hub.tell(offline(userId))
  }

  #report(own: Presence): PresenceReport {
    // The clock stands still while one thing is done.
    this.#reportedAt = Math.max(Date.now(), this.#reportedAt + 1)
    return { ...own, asOf: this.#reportedAt }
  }

  #own(): Presence {
    const { userId, sockets } = this.#hub
    const now = Date.now()
    const seen = sockets.lastSeenAt(now)
    // Within the grace after a last socket closed, and while the next is greeted, nobody was told that this user left: where it proved
    // anything until then.
    const isBetween = (sockets.size === 0 || sockets.isGreeting) && this.#book.announced && isAlive(seen, now)
    const online = sockets.isOnline(now) || isBetween
    return { userId, online, lastSeenAt: seen > 0 ? new Date(seen).toISOString() : null }
  }

  /** Who may see this user come and go. */
  async peers(): Promise<number[]> {
    const { reader, sockets } = this.#hub
    const { entries } = await reader.readAll({ wake: sockets.size > 0 })
    return this.#peersIn(entries)
  }

  #peersIn(entries: InboxEntry[]): number[] {
    return this.#visible([...this.#hub.circle.friends(), ...entries.flatMap((entry) => entry.memberIds)])
  }

  #visible(userIds: number[]): number[] {
    return [...new Set(userIds)].filter((id) => id !== this.#hub.userId && !this.#hub.circle.hides(id))
  }
}

/** What the sockets are told of a report. */
const presenceIn = ({ userId, online, lastSeenAt }: PresenceReport): Presence => ({ userId, online, lastSeenAt })

const offline = (userId: number): Presence => ({ userId, online: false, lastSeenAt: null })
