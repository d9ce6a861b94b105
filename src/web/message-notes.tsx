import type { InboxEntry } from '../sdk/index.ts'
import { onTouch } from './on-touch.ts'
import { nameOf } from './people.ts'
import { me } from './state.ts'
import type { Talk, TimelineMessage } from './talk.ts'
import { clockOf } from './time.ts'
import { listWords } from './words.ts'

type Props = { entry: InboxEntry; talk: Talk; line: TimelineMessage; last: boolean; latestMine: boolean }

/** The small print of a message: when, edited, and how far it has come. */
export const MessageNotes = ({ entry, talk, line, last, latestMine }: Props) => {
  const mine = line.senderId === me.value?.id
  if (line.status === 'failed') {
    return (
      <p class="message-notes">
        <span class="problem" role="alert">
          Not sent. {line.problem}
        </span>
        <button
          type="button"
          class="button-link"
          onClick={(event) => {
            // The button goes, and the focus with it.
            event.currentTarget.closest<HTMLElement>('.message')?.focus()
            talk.live.retry(line.clientId)
          }}
        >
          Try again
        </button>
        <button
          type="button"
          class="button-link"
          onClick={() => {
            // The whole message goes; to write another is what one may want next.
            if (!onTouch.matches) document.querySelector<HTMLElement>('.composer textarea')?.focus()
            talk.live.discard(line.clientId)
          }}
        >
          Discard
        </button>
      </p>
    )
  }
  if (line.status === 'pending') return <p class="message-notes">Sending…</p>
  const edited = line.message?.editedAt != null && line.content !== null
  const trouble = talk.trouble.value?.messageId === line.message?.id ? talk.trouble.value : null
  if (!last && !edited && !latestMine && trouble === null) return null
  return (
    <p class="message-notes">
      {edited && <span>edited</span>}
      {last && <time dateTime={line.createdAt}>{clockOf(line.createdAt)}</time>}
      {mine && latestMine && <span data-receipt>{receiptWords(entry, talk, line)}</span>}
      {trouble !== null && (
        <span class="problem" role="alert">
          {trouble.words}
        </span>
      )}
    </p>
  )
}

const receiptWords = (entry: InboxEntry, talk: Talk, line: TimelineMessage): string => {
  if (!entry.conversation.readReceipts) return 'Sent'
  const readers = talk.members.value
    .filter(({ userId, readSeq }) => userId !== line.senderId && (readSeq ?? 0) >= line.seq)
    .map(({ userId }) => userId)
  if (readers.length === 0) return 'Sent'
  if (entry.conversation.kind === 'direct') return 'Read'
  return readers.length >= entry.memberCount - 1 ? 'Read by everyone' : `Read by ${listWords(readers.map(nameOf))}`
}
