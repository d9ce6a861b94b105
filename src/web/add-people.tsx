import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { PeopleSearch } from './people-search.tsx'
import type { InboxEntry, User } from '../sdk/index.ts'
import { client } from './state.ts'
import type { Talk } from './talk.ts'
import { inWords } from './words.ts'

/** Bring more people into a group. */
export const AddPeople = ({ entry, talk }: { entry: InboxEntry; talk: Talk }) => {
  const open = useSignal(false)
  const busy = useSignal(false)
  const problem = useSignal<string | undefined>(undefined)
  const opener = useRef<HTMLButtonElement>(null)
  const wasOpen = useRef(false)

  // The field that was written in is gone; the button stands in its place.
  useLayoutEffect(() => {
    if (wasOpen.current && !open.value && document.activeElement === document.body) opener.current?.focus()
    wasOpen.current = open.value
  }, [open.value])

  const add = async (person: User) => {
    busy.value = true
    problem.value = undefined
    try {
      await client.conversations.addMembers(entry.conversation.id, [person.id])
      open.value = false
    } catch (error) {
      problem.value = inWords(error)
    }
    busy.value = false
  }

  if (!open.value) {
    return (
      <div class="actions">
        <button ref={opener} type="button" class="button button-small" onClick={() => (open.value = true)}>
          Add people
        </button>
      </div>
    )
  }
  return (
    <section class="section">
      <PeopleSearch
        label="Add people"
        takesFocus
        without={talk.members.value.map(({ userId }) => userId)}
        disabled={busy.value}
        onPick={(person) => void add(person)}
      />
      {problem.value !== undefined && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
    </section>
  )
}
