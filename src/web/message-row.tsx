import { Avatar } from './avatar.tsx'
import { MessageEdit } from './message-edit.tsx'
import { MessageNotes } from './message-notes.tsx'
import { MessageText } from './message-text.tsx'
import { MessageTools } from './message-tools.tsx'
import { Quote } from './quote.tsx'
import { Reactions } from './reactions.tsx'
import type { InboxEntry } from '../sdk/index.ts'
import { onTouch } from './on-touch.ts'
import { nameOf } from './people.ts'
import { me } from './state.ts'
import type { Talk, TimelineMessage } from './talk.ts'
import { fullTimeOf } from './time.ts'
import type { Row } from './timeline-rows.ts'

type Props = {
  entry: InboxEntry
  talk: Talk
  row: Extract<Row, { kind: 'line' }>
  /** Pointed at, focused or tapped: then it shows what can be done with it. */
  active: boolean
  focusable: boolean
  latestMine: boolean
  onActive: () => void
  /** The mouse came. */
  onPoint: () => void
  onQuote: (key: string) => void
}

export const MessageRow = ({ entry, talk, row, active, focusable, latestMine, onActive, onPoint, onQuote }: Props) => {
  const { line, first, last } = row
  const mine = line.senderId === me.value?.id
  const group = entry.conversation.kind === 'group'
  const name = nameOf(line.senderId)
  const inEdit = line.message !== null && talk.editing.value === line.message.id
  const classes = [
    'message',
    first && 'message-first',
    mine && 'message-mine',
    !group && 'message-pair',
    line.status === 'pending' && 'message-waiting',
  ]
  return (
    <li
      class={classes.filter(Boolean).join(' ')}
      data-key={row.key}
      tabIndex={focusable ? 0 : -1}
      onFocusIn={onActive}
      // Where fingers point, browsers make up a mouse now and then.
      onPointerEnter={(event) => event.pointerType === 'mouse' && !onTouch.matches && onPoint()}
      onClick={onActive}
    >
      {group && !mine && (last ? <Avatar id={line.senderId} name={name} small /> : <span />)}
      <div class="message-body">
        <span class={group && !mine && first ? 'message-sender' : 'unseen'} dir="auto">
          {mine ? 'You' : name}
        </span>
        <div class="bubble" title={fullTimeOf(line.createdAt)}>
          {line.replyTo !== null && line.content !== null && (
            <Quote talk={talk} messageId={line.replyTo} onOpen={onQuote} />
          )}
          {inEdit && line.message !== null ? (
            <MessageEdit talk={talk} message={line.message} />
          ) : (
            <Content line={line} />
          )}
        </div>
        {line.message !== null && line.message.reactions.length > 0 && <Reactions talk={talk} message={line.message} />}
        <MessageNotes entry={entry} talk={talk} line={line} last={last} latestMine={latestMine} />
      </div>
      {active && !inEdit && line.message !== null && line.content !== null && (
        <MessageTools
          talk={talk}
          message={line.message}
          mine={mine}
          mayDelete={mine || (group && entry.role !== 'member')}
        />
      )}
    </li>
  )
}

const Content = ({ line }: { line: TimelineMessage }) => {
  if (line.content === null) return <p class="message-gone">This message was deleted</p>
  if (line.content.kind === 'sealed')
    return <p class="message-gone">A sealed message, which only its readers’ own app can open</p>
  return <MessageText text={line.content.text} />
}
