import { nameOf } from './people.ts'
import { keyOfMessage, type Talk } from './talk.ts'
import { previewOf } from './words.ts'

/** The message that another one answers. */
export const Quote = ({
  talk,
  messageId,
  onOpen,
}: {
  talk: Talk
  messageId: number
  onOpen: (key: string) => void
}) => {
  const message = talk.lines.value.find((line) => line.message?.id === messageId)?.message
  if (message == null) return <span class="quote">An earlier message</span>
  return (
    <button type="button" class="quote" onClick={() => onOpen(keyOfMessage(message))}>
      <strong class="one-line">{nameOf(message.senderId)}</strong>
      <span class="one-line" dir="auto">
        {previewOf(message)}
      </span>
    </button>
  )
}
