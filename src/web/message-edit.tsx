import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { LIMITS, type Message } from '../sdk/index.ts'
import { isComposing } from './is-composing.ts'
import { onTouch } from './on-touch.ts'
import type { Talk } from './talk.ts'
import { cleanText, inWords } from './words.ts'

/** A message's text, open for change in its place. Enter saves, Escape leaves it as it was. */
export const MessageEdit = ({ talk, message }: { talk: Talk; message: Message }) => {
  const before = message.content?.kind === 'text' ? message.content.text : ''
  const text = useSignal(talk.edits.get(message.id) ?? before)
  const busy = useSignal(false)
  const problem = useSignal<string | undefined>(undefined)
  const area = useRef<HTMLTextAreaElement>(null)

  useLayoutEffect(() => {
    area.current?.focus()
    area.current?.setSelectionRange(text.peek().length, text.peek().length)
  }, [])

  const close = () => {
    talk.edits.delete(message.id)
    // Another one may have been opened while this one was saved.
    if (talk.editing.peek() === message.id) talk.editing.value = null
  }
  const write = (value: string) => {
    text.value = value
    talk.edits.set(message.id, value)
  }
  const save = async () => {
    const next = cleanText(text.value)
    if (next === '' || busy.value) return
    if (next === before) return close()
    busy.value = true
    problem.value = undefined
    try {
      await talk.live.edit(message.id, next)
      close()
    } catch (error) {
      problem.value = inWords(error)
      busy.value = false
      // Where the box is shut by now, it is said beside the message.
      if (talk.editing.peek() !== message.id) talk.trouble.value = { messageId: message.id, words: inWords(error) }
    }
  }
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation()
    if (isComposing(event)) return
    if (event.key === 'Escape') close()
    else if (event.key === 'Enter' && !event.shiftKey && !onTouch.matches) {
      event.preventDefault()
      void save()
    }
  }

  return (
    <div class="message-edit">
      <textarea
        ref={area}
        dir="auto"
        class="input message-edit-text"
        aria-label="Edit message"
        rows={2}
        maxLength={LIMITS.textLength}
        value={text.value}
        onInput={(event) => write(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {problem.value !== undefined && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      <div class="message-edit-actions">
        <button type="button" class="button button-small" onClick={close}>
          Cancel
        </button>
        <button
          type="button"
          class="button button-small button-main"
          disabled={busy.value || cleanText(text.value) === ''}
          onClick={() => void save()}
        >
          Save
        </button>
      </div>
    </div>
  )
}
