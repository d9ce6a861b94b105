import { isAlive, OFFLINE_GRACE_MS } from '../core/presence.ts'
import { logFault } from '../directory/faults.ts'
import type { InboxEntry } from '../protocol/conversation.ts'
import type { Presence } from '../protocol/user.ts'
import type { Circle } from './circle.ts'
import type { InboxBook } from './inbox-book.ts'
import type { InboxReader } from './inbox-reader.ts'
import type { LiveSockets } from './live-sockets.ts'
import { PresenceBook, type PresenceReport } from './presence-book.ts'
import { hubOf } from './stubs.ts'
import { CALL_LIMIT_MS, withinTwice } from './within.ts'

/** When those are met again that could not be reached. */
const MEET_AGAIN_MS = [2_000, 10_000, 30_000]

type Deps = {
  userId: number
  env: Env
  sockets: LiveSockets
  circle: Circle
  inbox: InboxBook
  reader: InboxReader
  /** Tells this user's sockets that a peer came or went. */
  tell: (presence: Presence) => void
}

/**
 * Tells the peers that this user comes and goes, and learns how they stand. Peers are friends and those who share a conversation, less
 * those hidden by a block.
 */
export class PresenceDesk {
  readonly #deps: Deps
  readonly #book = new PresenceBook()
  #reportedAt = 0

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Peers that are known to be online, without asking anybody; `entries` are those of the inbox. */
  known(entries: InboxEntry[]): number[] {
    const peers = new Set(this.#peersIn(entries))
    return this.#book.online().filter((userId) => peers.has(userId))
  }

  /** Whether others were told last that this user is here. */
  get isAnnounced(): boolean {
    return this.#deps.sockets.isAnnounced
  }

  /** A socket was greeted. */
  async arrived(): Promise<void> {
    if (this.isAnnounced) return this.#book.warm ? undefined : this.#meetPeers()
    this.#deps.sockets.noteAnnounced(true)
    // A change of the circle that could not be told to this hub is learned here.
    const { circle, userId } = this.#deps
    await circle.refresh().catch((error: unknown) => logFault('circle.stale', error, { level: 'warn', userId }))
    await Promise.all([this.#meetPeers(), this.parted([])])
  }

  /** A socket went. Whether its user did shows after the grace, so that a reconnect is no change. */
  mayHaveLeft(): void {
    if (!this.#hasLeft()) return
    setTimeout(() => {
      if (this.#hasLeft()) void this.#depart()
    }, OFFLINE_GRACE_MS)
  }

  /** A peer came or went; answers how this user stands, so that one call tells both. */
  meet(peer: PresenceReport): PresenceReport {
    if (this.#deps.circle.hides(peer.userId)) return this.#report(offline(this.#deps.userId))
    this.#learn(peer)
    return this.#report(this.#own())
  }

  /** The user shares a conversation with these people now. */
  meetNewcomers(userIds: number[]): Promise<void> {
    return this.#meet(this.#visible(userIds).filter((id) => !this.#book.seesOnline(id)))
  }

  /** With these people a conversation is shared no more: those with whom nothing else is shared are out of sight. */
  async parted(userIds: number[]): Promise<void> {
    const candidates = this.#book.warm ? this.#book.online() : [...new Set([...userIds, ...this.#book.online()])]
    if (!this.isAnnounced || candidates.length === 0) return
    const peers = new Set(await this.peers({ parted: userIds }))
    for (const userId of candidates) if (userId !== this.#deps.userId && !peers.has(userId)) this.#lose(userId)
  }

  /** Friends or blocks changed: whom this user sees, and who sees this user, follows when it returns. */
  async circleChanged(): Promise<void> {
    // Where nobody is here, nobody sees anybody, and nobody was told that this user is.
    if (this.#deps.sockets.size === 0) return this.#deps.circle.refresh()
    const before = await this.peers()
    await this.#deps.circle.refresh()
    const peers = new Set(await this.peers())
    for (const userId of before) {
      if (peers.has(userId)) continue
      // Who was silent for so long that it counted as gone is told nothing of others, and shows what it was told before.
      if (this.isAnnounced) this.#lose(userId)
      else this.#deps.tell(offline(userId))
    }
    for (const userId of before) peers.delete(userId)
    if (this.isAnnounced) void this.#meet([...peers])
  }

  /** Which of these peers are online now, the user among them. */
  async onlineAmong(peers: number[]): Promise<number[]> {
    const reports = await this.#askFor(peers)
    return [this.#own(), ...reports].flatMap((presence) => (presence.online ? [presence.userId] : []))
  }

  /** How these people stand. Somebody who is no peer looks as one who is never here. */
  async presenceOf(userIds: number[]): Promise<Presence[]> {
    const peers = new Set(await this.peers())
    const reports = await this.#askFor(userIds.filter((id) => peers.has(id)))
    const found = new Map([this.#own(), ...reports.map(presenceIn)].map((presence) => [presence.userId, presence]))
    return userIds.map((userId) => found.get(userId) ?? offline(userId))
  }

  #hasLeft(): boolean {
    const { sockets } = this.#deps
    return this.isAnnounced && !sockets.isOnline(Date.now()) && !sockets.isGreeting
  }

  async #depart(): Promise<void> {
    this.#deps.sockets.noteAnnounced(false)
    await this.#meetPeers()
    // Who came back meanwhile has met others since.
    if (!this.isAnnounced) this.#book.forget()
  }

  async #meetPeers(): Promise<void> {
    this.#book.warm = true
    await this.#meet(await this.peers())
  }

  /** Tells these how this user stands, and learns how they do. Those that cannot be reached now are met a while later. */
  async #meet(peers: number[], tries = 0): Promise<void> {
    const { isAnnounced } = this
    const { missed } = await this.#ask(peers, (report) => {
      // Who is not here and never was, as far as anybody knows, is no news.
      if (report.online || this.#book.knows(report.userId)) this.#learn(report)
      else this.#book.note(report)
    })
    const pause = MEET_AGAIN_MS[tries]
    if (missed.length > 0 && pause !== undefined)
      setTimeout(() => void this.#meetAgain(missed, { isAnnounced, tries: tries + 1 }), pause)
  }

  async #meetAgain(missed: number[], last: { isAnnounced: boolean; tries: number }): Promise<void> {
    // With some of them nothing may be shared any more.
    const peers = new Set(await this.peers())
    if (this.isAnnounced !== last.isAnnounced) return
    await this.#meet(
      missed.filter((userId) => peers.has(userId)),
      last.tries,
    )
  }

  /** The same where a client asked, and is answered. Who is here after all is told to the others too; being silent for a while is not going. */
  async #askFor(peers: number[]): Promise<PresenceReport[]> {
    const { reports } = await this.#ask(peers, (report) => {
      if (report.online && this.#book.knows(report.userId)) this.#learn(report)
    })
    return reports
  }

  #ask(
    peers: number[],
    take: (report: PresenceReport) => void,
  ): Promise<{ reports: PresenceReport[]; missed: number[] }> {
    return this.#book.exchange(peers, async (userId) => {
      const meet = () => hubOf(this.#deps.env, userId).meet(this.#report(this.#own()))
      const report = await withinTwice(CALL_LIMIT_MS, meet)
      take(report)
      return report
    })
  }

  #learn(report: PresenceReport): void {
    if (this.#book.note(report)) this.#deps.tell(presenceIn(report))
  }

  #lose(userId: number): void {
    if (this.#book.lose(userId)) this.#deps.tell(offline(userId))
  }

  #report(own: Presence): PresenceReport {
    // The clock stands still while one thing is done.
    this.#reportedAt = Math.max(Date.now(), this.#reportedAt + 1)
    return { ...own, asOf: this.#reportedAt }
  }

  #own(): Presence {
    const { userId, sockets } = this.#deps
    const now = Date.now()
    const seen = sockets.lastSeenAt(now)
    // Within the grace after a last socket closed, and while the next is greeted, nobody was told that this user left: where it proved
    // anything until then.
    const isBetween = (sockets.size === 0 || sockets.isGreeting) && this.isAnnounced && isAlive(seen, now)
    const online = sockets.isOnline(now) || isBetween
    return { userId, online, lastSeenAt: seen > 0 ? new Date(seen).toISOString() : null }
  }

  /** Who may see this user come and go. Of `parted` it is known that something is shared no more. */
  async peers({ parted = [] }: { parted?: number[] } = {}): Promise<number[]> {
    const { reader, sockets } = this.#deps
    const { entries } = await reader.readAll({ wake: sockets.size > 0 })
    return this.#peersIn(entries, parted)
  }

  /** Where a conversation could not be asked, who was in it is in it. */
  #peersIn(entries: InboxEntry[], parted: number[] = []): number[] {
    const { circle, inbox } = this.#deps
    const read = new Set(entries.map(({ conversation }) => conversation.id))
    const unread = inbox.ids().filter((conversationId) => !read.has(conversationId))
    const once = unread.flatMap((conversationId) => inbox.entryOnce(conversationId)?.memberIds ?? [])
    return this.#visible([
      ...circle.friends(),
      ...entries.flatMap((entry) => entry.memberIds),
      ...once.filter((userId) => !parted.includes(userId)),
    ])
  }

  #visible(userIds: number[]): number[] {
    return [...new Set(userIds)].filter((id) => id !== this.#deps.userId && !this.#deps.circle.hides(id))
  }
}

/** What the sockets are told of a report. */
const presenceIn = ({ userId, online, lastSeenAt }: PresenceReport): Presence => ({ userId, online, lastSeenAt })

const offline = (userId: number): Presence => ({ userId, online: false, lastSeenAt: null })
