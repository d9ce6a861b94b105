import { computed, effect, signal } from '@preact/signals'
import { browserStorage, CauserieClient, type ErrorCode, type InboxEntry, type Me, type Status } from '../sdk/index.ts'
import { forgetDrafts, openDrafts } from './drafts.ts'

/** Everything that the app shows hangs on this one client; the signals below follow its events. */
export const client = new CauserieClient({ baseUrl: location.origin, storage: browserStorage() })

export const phase = signal<'starting' | 'signed-out' | 'signed-in'>('starting')
export const me = signal<Me | null>(null)
export const status = signal<Status>(client.status)
/** Newest first; null until it was read once. */
export const inbox = signal<readonly InboxEntry[] | null>(null)
/** Why one finds oneself at the door without having asked for it. */
export const farewell = signal<string | null>(null)
/** What a screen reader is told next; numbered, for the same words twice are two pieces of news. */
export const announcement = signal({ number: 0, words: '' })
/** News that came together are told together: one that took the place of another at once would be all that is heard. */
const TOGETHER_MS = 200
const MOST_AT_ONCE = 3
let news: string[] = []

export const announce = (words: string): void => {
  news.push(words)
  if (news.length > 1) return
  setTimeout(() => {
    const left = news.length - MOST_AT_ONCE
    const told = [...news.slice(-MOST_AT_ONCE), ...(left > 0 ? [`And ${left} more before`] : [])].join('. ')
    news = []
    announcement.value = { number: announcement.peek().number + 1, words: told }
  }, TOGETHER_MS)
}

const FAREWELLS: Partial<Record<ErrorCode, string>> = {
  'session.revoked': 'You were signed out of this device. Sign in to go on.',
  'refresh.reused': 'For your safety this device was signed out. Sign in to go on.',
}

export const start = async (): Promise<void> => {
  client.on('me', (next) => {
    me.value = next
  })
  client.on('status', (next) => {
    status.value = next
    if (next.state !== 'signed-out') return
    phase.value = 'signed-out'
    inbox.value = null
    if (next.reason !== null) farewell.value = FAREWELLS[next.reason] ?? 'Your session has ended. Sign in to go on.'
  })
  client.on('inbox', (entries) => {
    inbox.value = entries
  })
  addEventListener('online', () => client.wake())
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && client.wake())

  const restored = await client.restore()
  if (restored === null) phase.value = 'signed-out'
  else enter(restored)
}

export const signIn = async (input: Parameters<typeof client.login>[0]): Promise<void> =>
  enter(await client.login(input))

export const createAccount = async (input: Parameters<typeof client.register>[0]): Promise<void> =>
  enter(await client.register(input))

export const signOut = async (): Promise<void> => {
  forgetDrafts()
  isLeaving.value = true
  await client.logout()
  isLeaving.value = false
  location.replace('#/')
}

export const entryOf = (id: number): InboxEntry | undefined =>
  inbox.value?.find((entry) => entry.conversation.id === id)

const connected = computed(() => status.value.state === 'online')
const wasOnline = signal(false)
const isLate = signal(false)
/** The connection went because the user goes. */
const isLeaving = signal(false)

/** How the connection stands, while that is worth a word. */
export const connectionWords = computed(() => {
  if (connected.value || !isLate.value || isLeaving.value) return null
  if (status.value.state === 'offline') return 'Not connected. Load this page again to go on.'
  return wasOnline.value ? 'Reconnecting… What you write goes out as soon as we are back.' : 'Connecting…'
})

effect(() => {
  isLate.value = false
  if (connected.value) {
    wasOnline.value = true
    return
  }
  // Most breaks are over before anybody would have read of them.
  const timer = setTimeout(() => (isLate.value = true), 800)
  return () => clearTimeout(timer)
})

effect(() => {
  const unread = inbox.value?.reduce((sum, entry) => sum + entry.unread, 0) ?? 0
  document.title = unread > 0 ? `(${unread > 99 ? '99+' : unread}) Causerie` : 'Causerie'
})

const enter = (who: Me) => {
  openDrafts(who.id)
  farewell.value = null
  me.value = who
  inbox.value = client.inbox.entries
  phase.value = 'signed-in'
  client.connect()
}
