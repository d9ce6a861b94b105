import type { InboxEntry } from '../sdk/index.ts'
import { nameOf, typistsIn } from './people.ts'
import { typingWords } from './words.ts'

/** Its height is always kept, so that nothing jumps when somebody begins to write. */
export const TypingLine = ({ entry }: { entry: InboxEntry }) => (
  <p class="typing">
    <span class="one-line">{typingWords(typistsIn(entry.conversation.id).map(nameOf))}</span>
  </p>
)
