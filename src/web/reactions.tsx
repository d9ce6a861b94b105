import type { Message } from '../sdk/index.ts'
import { nameOf } from './people.ts'
import { me } from './state.ts'
import type { Talk } from './talk.ts'
import { listWords } from './words.ts'

/** Who feels how about a message; a press joins in or takes it back. */
export const Reactions = ({ talk, message }: { talk: Talk; message: Message }) => (
  <ul class="reactions" aria-label="Reactions">
    {message.reactions.map(({ emoji, userIds }) => {
      const pressed = me.value !== null && userIds.includes(me.value.id)
      const who = listWords(userIds.map(nameOf))
      return (
        <li key={emoji}>
          <button
            type="button"
            class="reaction"
            aria-pressed={pressed}
            aria-label={`${emoji} ${userIds.length} from ${who}`}
            title={who}
            onClick={() =>
              void talk.act(message.id, (live) =>
                pressed ? live.unreact(message.id, emoji) : live.react(message.id, emoji),
              )
            }
          >
            <span>{emoji}</span>
            <span>{userIds.length}</span>
          </button>
        </li>
      )
    })}
  </ul>
)
