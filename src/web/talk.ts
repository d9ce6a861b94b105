import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import type { Content, LiveConversation, Member, Message, PendingMessage } from '../sdk/index.ts'
import { client, me } from './state.ts'
import { inWords, wordsOfCode } from './words.ts'

/** One message as the timeline shows it, whether the server has it already or not. */
export type TimelineMessage = {
  key: string
  status: 'sent' | 'pending' | 'failed'
  clientId: string
  senderId: number
  /** Above all others while the server has not given it its place. */
  seq: number
  createdAt: string
  content: Content | null
  replyTo: number | null
  /** Null until the server has it. */
  message: Message | null
  problem: string | null
}

/** An open conversation, as signals. */
export type Talk = {
  live: LiveConversation
  lines: ReadonlySignal<TimelineMessage[]>
  members: ReadonlySignal<readonly Member[]>
  state: ReadonlySignal<LiveConversation['state']>
  hasOlder: ReadonlySignal<boolean>
  /** Why messages could not be fetched, in words. */
  problem: ReadonlySignal<string | null>
  /** The id of the message that is open for change. */
  editing: Signal<number | null>
  /** What stands in the boxes of messages that are or were open for change, by their ids. */
  edits: Map<number, string>
  replyingTo: Signal<Message | null>
  /** What went wrong with a message, to be said beside it. */
  trouble: Signal<{ messageId: number; words: string } | null>
  loadOlder: () => Promise<void>
  retry: () => Promise<void>
  /** Does something with a message, and says so beside it where that fails. */
  act: (messageId: number, work: (live: LiveConversation) => Promise<unknown>) => Promise<void>
  /** Takes over what the client holds now. */
  read: () => void
}

/** Coming back to one of the last few conversations finds it as it was left, and up to date. */
const KEPT_OPEN = 8
const talks = new Map<number, Talk>()

export const talkOf = (id: number): Talk => {
  const talk = talks.get(id) ?? openTalk(id)
  // Last in the map is last used.
  talks.delete(id)
  talks.set(id, talk)
  for (const oldest of [...talks.keys()].slice(0, -KEPT_OPEN)) closeTalk(oldest)
  return talk
}

export const keyOfMessage = ({ senderId, clientId }: { senderId: number; clientId: string }): string =>
  `${senderId} ${clientId}`

client.on('conversation', ({ id }) => talks.get(id)?.read())
client.on('inbox', () => {
  // Who was taken out and added again finds it as before.
  for (const [id, talk] of talks) if (talk.live.state === 'gone' && client.inbox.get(id)) void talk.retry()
})
client.on('status', ({ state }) => {
  if (state === 'signed-out') for (const id of talks.keys()) closeTalk(id)
  if (state !== 'online') return
  // What could not be fetched or done while there was no connection.
  for (const talk of talks.values()) {
    talk.trouble.value = null
    if (talk.problem.peek() !== null) void talk.retry()
  }
})

const closeTalk = (id: number) => {
  talks.get(id)?.live.close()
  talks.delete(id)
}

const openTalk = (id: number): Talk => {
  const live = client.conversation(id)
  const messages = signal(live.messages)
  const pending = signal(live.pending)
  const members = signal(live.members)
  const state = signal(live.state)
  const hasOlder = signal(live.hasOlder)
  const problem = signal<string | null>(null)
  const editing = signal<number | null>(null)
  const replyingTo = signal<Message | null>(null)
  const trouble = signal<Talk['trouble']['value']>(null)
  let running: Promise<void> | null = null

  const read = () => {
    messages.value = live.messages
    pending.value = unlessSame(pending.peek(), live.pending)
    members.value = unlessSame(members.peek(), live.members)
    // Opened after all, by itself: what kept it from that is over.
    if (live.state === 'open' && state.peek() !== 'open') problem.value = null
    state.value = live.state
    hasOlder.value = live.hasOlder
  }
  const run = async (work: () => Promise<unknown>) => {
    problem.value = null
    try {
      await work()
    } catch (error) {
      if (live.state !== 'gone') problem.value = inWords(error)
    }
    running = null
    read()
  }
  /** One at a time: whoever asks meanwhile waits for that one. */
  const attempt = (work: () => Promise<unknown>): Promise<void> => (running ??= run(work))
  const loadOlder = async () => {
    if (live.state === 'open' && live.hasOlder && problem.peek() === null) await attempt(() => live.loadOlder())
  }
  const retry = () => attempt(() => (live.state === 'open' ? live.loadOlder() : live.open()))
  const act: Talk['act'] = async (messageId, work) => {
    trouble.value = null
    try {
      await work(live)
    } catch (error) {
      trouble.value = { messageId, words: inWords(error) }
    }
  }
  const edits: Talk['edits'] = new Map()
  void attempt(() => live.open())

  const lines = computed(() => {
    const [sent, waiting] = [messages.value.map(sentLine), pending.value.map(pendingLine)]
    if (waiting.length === 0) return sent
    // The server has it, and the word of that was lost or is under way.
    const there = new Set(sent.map(({ key }) => key))
    return [...sent, ...waiting.filter(({ key }) => !there.has(key))]
  })
  return {
    live,
    lines,
    members,
    state,
    hasOlder,
    problem,
    editing,
    edits,
    replyingTo,
    trouble,
    loadOlder,
    retry,
    act,
    read,
  }
}

/** The client makes these lists anew each time; the same items again are no change. */
const unlessSame = <Item>(held: readonly Item[], next: readonly Item[]): readonly Item[] =>
  held.length === next.length && held.every((item, at) => item === next[at]) ? held : next

const sentLine = (message: Message): TimelineMessage => {
  const { clientId, senderId, seq, createdAt, content, replyTo } = message
  const key = keyOfMessage(message)
  return { key, status: 'sent', clientId, senderId, seq, createdAt, content, replyTo, message, problem: null }
}

const pendingLine = ({ clientId, content, replyTo, createdAt, state, error }: PendingMessage): TimelineMessage => {
  const senderId = me.value?.id ?? 0
  return {
    key: keyOfMessage({ senderId, clientId }),
    status: state === 'failed' ? 'failed' : 'pending',
    clientId,
    senderId,
    seq: Number.MAX_SAFE_INTEGER,
    createdAt,
    content,
    replyTo: replyTo ?? null,
    message: null,
    problem: error === undefined ? null : wordsOfCode(error),
  }
}
