import { useSignal } from '@preact/signals'
import { Icon } from './icon.tsx'
import { PageBar } from './page-bar.tsx'
import { PeopleSearch } from './people-search.tsx'
import { goInstead, pathTo, route } from './route.ts'
import type { User } from '../sdk/index.ts'
import { client, me } from './state.ts'
import { inWords } from './words.ts'

/** Find a person and talk with them. */
export const NewChat = () => {
  const busy = useSignal(false)
  const problem = useSignal<string | undefined>(undefined)

  const talkTo = async (person: User) => {
    busy.value = true
    problem.value = undefined
    try {
      const { conversation } = await client.conversations.openDirect(person.id)
      // Who has gone on meanwhile stays there.
      if (route.peek().page === 'new-chat') goInstead(pathTo.conversation(conversation.id))
    } catch (error) {
      problem.value = inWords(error)
      busy.value = false
    }
  }

  return (
    <>
      <PageBar title="New conversation" back={pathTo.inbox} />
      <div class="page">
        <div class="page-inner">
          <a class="list-row" href={pathTo.newGroup}>
            <span class="avatar avatar-plain" aria-hidden="true">
              <Icon name="people" />
            </span>
            <span class="list-text">
              <span class="list-line">Make a group</span>
              <span class="list-line small soft">Bring several people together</span>
            </span>
          </a>
          <section class="section">
            <PeopleSearch
              label="Find a person"
              takesFocus
              without={[me.value?.id ?? 0]}
              disabled={busy.value}
              onPick={(person) => void talkTo(person)}
            />
            {problem.value !== undefined && (
              <p class="problem" role="alert">
                {problem.value}
              </p>
            )}
          </section>
        </div>
      </div>
    </>
  )
}
