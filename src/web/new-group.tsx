import { useSignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { Field } from './field.tsx'
import { Icon } from './icon.tsx'
import { PageBar } from './page-bar.tsx'
import { PeopleSearch } from './people-search.tsx'
import { goInstead, pathTo, route } from './route.ts'
import { newClientId, type User } from '../sdk/index.ts'
import { client, me } from './state.ts'
import { Submit } from './submit.tsx'
import { useSubmit } from './use-submit.ts'

/** Name a group, pick its people. */
export const NewGroup = () => {
  const title = useSignal('')
  const chosen = useSignal<User[]>([])
  const asked = useRef({ what: '', clientId: '' })
  const { form, busy, problem, issues, submit } = useSubmit(async () => {
    const group = { title: title.value.trim(), memberIds: chosen.value.map((person) => person.id) }
    // Pressed again after an answer that was lost it is the same group, unless it was changed.
    const what = JSON.stringify(group)
    if (asked.current.what !== what) asked.current = { what, clientId: newClientId() }
    const { conversation } = await client.conversations.createGroup({ ...group, clientId: asked.current.clientId })
    // Who has gone on meanwhile stays there.
    if (route.peek().page === 'new-group') goInstead(pathTo.conversation(conversation.id))
  })
  useLayoutEffect(() => form.current?.querySelector('input')?.focus(), [])
  const leaveOut = (person: User) => {
    chosen.value = chosen.value.filter(({ id }) => id !== person.id)
    // The button that was pressed goes with its person.
    form.current?.querySelector<HTMLElement>('input[type="search"]')?.focus()
  }
  const without = [me.value?.id ?? 0, ...chosen.value.map((person) => person.id)]

  return (
    <>
      <PageBar title="New group" back={pathTo.newChat} phoneOnly={false} />
      <div class="page">
        <form class="page-inner" ref={form} onSubmit={submit} noValidate>
          <Field
            label="Name of the group"
            name="title"
            maxLength={100}
            required
            autocomplete="off"
            value={title.value}
            problem={issues.value['title']}
            onValue={(value) => (title.value = value)}
          />
          <fieldset class="section">
            <legend class="unseen">People in the group</legend>
            {chosen.value.length > 0 && (
              <ul class="chosen" aria-label="Chosen">
                {chosen.value.map((person) => (
                  <li key={person.id}>
                    <button
                      type="button"
                      class="chip"
                      aria-label={`Leave out ${person.displayName}`}
                      onClick={() => leaveOut(person)}
                    >
                      {person.displayName}
                      <Icon name="close" size={16} />
                    </button>
                  </li>
                ))}
              </ul>
            )}
            <PeopleSearch
              label="Add people"
              without={without}
              onPick={(person) => (chosen.value = [...chosen.value, person])}
            />
          </fieldset>
          <div class="form">
            <Submit
              words={
                chosen.value.length === 0
                  ? 'Make the group'
                  : `Make the group with ${chosen.value.length === 1 ? 'one other' : `${chosen.value.length} others`}`
              }
              busyWords="Making it…"
              busy={busy.value}
              ready={title.value.trim() !== ''}
              problem={problem.value}
            />
          </div>
        </form>
      </div>
    </>
  )
}
