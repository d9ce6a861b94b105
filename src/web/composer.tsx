import { useSignal, useSignalEffect } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { draftOf, keepDraft } from './drafts.ts'
import { Icon } from './icon.tsx'
import { isComposing } from './is-composing.ts'
import { type InboxEntry, LIMITS } from '../sdk/index.ts'
import { onTouch } from './on-touch.ts'
import { nameOf, titleOf } from './people.ts'
import { me } from './state.ts'
import type { Talk } from './talk.ts'
import { cleanText, previewOf } from './words.ts'

const CLOSE_TO_LIMIT = 500

/** Where one writes. Enter sends and Shift+Enter breaks the line; on a touch keyboard Enter breaks the line. */
export const Composer = ({ entry, talk }: { entry: InboxEntry; talk: Talk }) => {
  const { id } = entry.conversation
  const { live, editing, replyingTo } = talk
  const text = useSignal(draftOf(id))
  const area = useRef<HTMLTextAreaElement>(null)
  const left = LIMITS.textLength - Array.from(text.value).length
  const ready = cleanText(text.value) !== '' && left >= 0
  const reply = replyingTo.value

  useEffect(() => {
    // A touch keyboard that opens by itself would hide the conversation one came to read.
    if (!onTouch.matches && editing.peek() === null) area.current?.focus()
    return () => live.stopTyping()
  }, [])
  useSignalEffect(() => {
    if (replyingTo.value !== null) area.current?.focus()
  })
  useSignalEffect(() => {
    // Unless it is another message's turn.
    if (editing.value !== null) return () => !onTouch.matches && editing.peek() === null && area.current?.focus()
    return undefined
  })

  useSignalEffect(() => {
    // What differs another page of this browser wrote, or sent: of spaces alone nothing is kept.
    const kept = draftOf(id)
    const written = text.peek()
    if (kept !== written && !(kept === '' && written.trim() === '')) text.value = kept
  })

  const write = (value: string) => {
    text.value = value
    keepDraft(id, value)
    if (value.trim() === '') live.stopTyping()
    else live.startTyping()
  }
  const submit = () => {
    if (!ready) return
    // Whether it went well shows in the timeline.
    live.send(cleanText(text.value), reply === null ? {} : { replyTo: reply.id }).catch(() => {})
    write('')
    replyingTo.value = null
    area.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return
    if (event.key === 'Enter' && !event.shiftKey && !onTouch.matches) {
      event.preventDefault()
      submit()
    }
    if (event.key === 'Escape') replyingTo.value = null
    if (event.key === 'ArrowUp' && text.value === '' && editLastOwn(talk)) event.preventDefault()
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <div class="composer-inner">
        {reply !== null && (
          <div class="composer-reply">
            <p class="quote bar-grow">
              <strong class="one-line">Replying to {nameOf(reply.senderId)}</strong>
              <span class="one-line" dir="auto">
                {previewOf(reply)}
              </span>
            </p>
            <button
              type="button"
              class="button-icon"
              aria-label="Do not reply"
              title="Do not reply"
              onClick={() => {
                replyingTo.value = null
                area.current?.focus()
              }}
            >
              <Icon name="close" />
            </button>
          </div>
        )}
        <div class="composer-box">
          <textarea
            ref={area}
            dir="auto"
            aria-label={`Message to ${titleOf(entry)}`}
            placeholder="Write a message"
            rows={Math.min(6, text.value.split('\n').length)}
            enterkeyhint={onTouch.matches ? 'enter' : 'send'}
            value={text.value}
            onInput={(event) => write(event.currentTarget.value)}
            onKeyDown={onKeyDown}
            onBlur={() => live.stopTyping()}
          />
          <button type="submit" class="button-icon composer-send" aria-label="Send" title="Send" disabled={!ready}>
            <Icon name="send" />
          </button>
        </div>
        {left < CLOSE_TO_LIMIT && (
          <p class={`composer-note small ${left < 0 ? 'problem' : 'soft'}`} role="status">
            {left < 0 ? `${-left} characters too long. Send it in two parts.` : `${left} characters left`}
          </p>
        )}
      </div>
    </form>
  )
}

const editLastOwn = (talk: Talk): boolean => {
  const own = talk.lines.value.findLast((line) => line.senderId === me.value?.id)
  if (own?.message?.content?.kind !== 'text') return false
  talk.editing.value = own.message.id
  return true
}
