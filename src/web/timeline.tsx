import { type ReadonlySignal, untracked, useComputed, useSignal, useSignalEffect } from '@preact/signals'
import type { TargetedFocusEvent } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { attentive } from './attention.ts'
import { Icon } from './icon.tsx'
import { MessageRow } from './message-row.tsx'
import { moveFocus } from './move-focus.ts'
import { Nothing } from './nothing.tsx'
import { now } from './now.ts'
import type { InboxEntry } from '../sdk/index.ts'
import { titleOf } from './people.ts'
import { entryOf, me } from './state.ts'
import type { Talk, TimelineMessage } from './talk.ts'
import { dayNameOf } from './time.ts'
import { reaches, type Row, rowsOf } from './timeline-rows.ts'
import { useHeldScroll } from './use-held-scroll.ts'

/** Pages that are fetched to find the first message that is new. */
const PAGES_TO_NEW = 10

/** What was said, oldest first. */
export const Timeline = ({ entry, talk }: { entry: InboxEntry; talk: Talk }) => {
  const { id } = entry.conversation
  const viewerId = me.value?.id ?? 0
  const newAfter = useNewMark(id, talk.lines, viewerId)
  const active = useSignal<string | null>(null)
  const rows = useComputed(() =>
    rowsOf(talk.lines.value, { newAfter: newAfter.value, viewerId, hasOlder: talk.hasOlder.value }),
  ).value
  const { box, atEnd, shown, note, toEnd, toRow } = useHeldScroll(() => void talk.loadOlder())

  const leave = (event: TargetedFocusEvent<HTMLElement>) => {
    const to = event.relatedTarget
    if (!(to instanceof Node && event.currentTarget.contains(to))) active.value = null
  }

  // A question that waits for an answer does not go because the mouse moved.
  const point = (key: string | null) => {
    if (!box.current?.querySelector('.message-tools:focus-within')) active.value = key
  }

  const ready = talk.state.value === 'open'
  const hasBegun = useSignal(false)
  const fetched = useSignal(0)
  useLayoutEffect(() => {
    if (!ready) hasBegun.value = false
    if (!ready || !shown.value || hasBegun.peek()) return
    const after = newAfter.peek()
    const isThere = after === null || reaches(talk.lines.value, after, talk.hasOlder.value)
    if (!isThere && talk.problem.value === null && fetched.value < PAGES_TO_NEW) {
      void talk.loadOlder().then(() => (fetched.value += 1))
      return
    }
    hasBegun.value = true
    // Where so much is new, one begins at the end.
    if (after !== null && isThere) toRow('new')
  }, [ready, shown.value, fetched.value, talk.problem.value])
  useSignalEffect(() => {
    const head = entryOf(id)
    const newest = talk.lines.value.findLast((line) => line.message !== null)?.seq ?? 0
    const isSeen = hasBegun.value && shown.value && atEnd.value && attentive.value
    // What the inbox knows of already may not be here yet.
    if (isSeen && head !== undefined && newest > head.readSeq) talk.live.markRead(newest)
  })

  // What one sends is seen, also by who had scrolled up.
  const sent = talk.lines.value.findLast((line) => line.status === 'pending')?.key
  const sentBefore = useRef(sent)
  useLayoutEffect(() => {
    if (sent !== undefined && sent !== sentBefore.current) toEnd()
    sentBefore.current = sent
  }, [sent])

  const latestMine = talk.lines.value.findLast((line) => line.senderId === viewerId && line.content !== null)
  const focusable = (rows.find((row) => row.key === active.value) ?? rows.findLast((row) => row.kind === 'line'))?.key
  return (
    <div class="timeline-frame">
      <div
        class="timeline"
        ref={box}
        onScroll={note}
        // A finger leaves with every tap, and before the click that the tap is.
        onPointerLeave={(event) => event.pointerType === 'mouse' && point(null)}
      >
        <div class="timeline-inner">
          <Start talk={talk} empty={rows.length === 0} title={titleOf(entry)} />
          <ol
            aria-label={`Messages: ${titleOf(entry)}`}
            onKeyDown={(event) => moveFocus(event, '.message')}
            onFocusOut={leave}
          >
            {rows.map((row) =>
              row.kind === 'line' ? (
                <MessageRow
                  key={row.key}
                  entry={entry}
                  talk={talk}
                  row={row}
                  active={active.value === row.key}
                  focusable={focusable === row.key}
                  latestMine={latestMine?.key === row.key}
                  onActive={() => (active.value = row.key)}
                  onPoint={() => point(row.key)}
                  onQuote={toRow}
                />
              ) : (
                <Separator key={row.key} row={row} />
              ),
            )}
          </ol>
        </div>
      </div>
      {!atEnd.value && (
        <button type="button" class="button button-small to-latest" onClick={toEnd}>
          <Icon name="down" size={16} />
          {entry.unread > 0 ? `${entry.unread} new` : 'Latest'}
        </button>
      )}
    </div>
  )
}

/** From where on messages are new: set on coming (back) to a conversation, kept while one stays, gone once one answers. */
const useNewMark = (id: number, lines: ReadonlySignal<TimelineMessage[]>, viewerId: number) => {
  const firstUnread = () => {
    const entry = untracked(() => entryOf(id))
    return entry !== undefined && entry.unread > 0 ? entry.readSeq : null
  }
  // Known from the first render on: a conversation that was kept open scrolls to it before any effect runs.
  const mark = useSignal(attentive.peek() ? firstUnread() : null)
  useSignalEffect(() => {
    if (attentive.value) mark.value = firstUnread() ?? mark.peek()
  })
  useSignalEffect(() => {
    if (lines.value.at(-1)?.senderId === viewerId) mark.value = null
  })
  return mark
}

const Separator = ({ row }: { row: Exclude<Row, { kind: 'line' }> }) =>
  row.kind === 'day' ? (
    <li class="separator">
      <time dateTime={row.at}>{dayNameOf(row.at, now.value)}</time>
    </li>
  ) : (
    <li class="separator separator-new" data-key={row.key}>
      New
    </li>
  )

type StartProps = { talk: Talk; empty: boolean; title: string }

/** What stands above the first line: that there is more, that it could not be fetched, or that this is the beginning. */
const Start = ({ talk, empty, title }: StartProps) => {
  if (talk.problem.value !== null) {
    return (
      <p class="timeline-start" role="alert">
        {talk.problem.value}{' '}
        <button type="button" class="button-link" onClick={() => void talk.retry()}>
          Try again
        </button>
      </p>
    )
  }
  if (talk.state.value !== 'open') return <p class="timeline-start">Fetching messages…</p>
  if (talk.hasOlder.value) return <p class="timeline-start">Fetching earlier messages…</p>
  if (empty) return <Nothing title="The beginning">Say hello to {title}. Nothing has been said here yet.</Nothing>
  return <p class="timeline-start">This is where it began.</p>
}
