import { useSignal, useSignalEffect } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { Avatar } from './avatar.tsx'
import { Field } from './field.tsx'
import { isComposing } from './is-composing.ts'
import { moveFocus } from './move-focus.ts'
import type { User } from '../sdk/index.ts'
import { isOnline } from './people.ts'
import { client } from './state.ts'
import { inWords } from './words.ts'

type Props = {
  label: string
  without: number[]
  onPick: (person: User) => void
  disabled?: boolean
  takesFocus?: boolean
}

/** Type the start of a name, pick a person. */
export const PeopleSearch = ({ label, without, onPick, disabled = false, takesFocus = false }: Props) => {
  const box = useRef<HTMLDivElement>(null)
  const query = useSignal('')
  const found = useSignal<{ query: string; people: User[] } | null>(null)
  const problem = useSignal<string | undefined>(undefined)

  const focus = () => box.current?.querySelector('input')?.focus()
  const pick = (person: User) => {
    query.value = ''
    focus()
    onPick(person)
  }

  const onKeyDown = (event: KeyboardEvent) => {
    // It finds people, and does not send the form around it. Pressed again, it picks.
    if (event.key !== 'Enter' || isComposing(event) || !(event.target instanceof HTMLInputElement)) return
    event.preventDefault()
    // Those of what was typed before are not meant.
    if (found.peek()?.query !== query.peek().trim()) return
    box.current?.querySelector<HTMLElement>('ul button')?.focus()
  }

  useLayoutEffect(() => {
    if (takesFocus) focus()
  }, [])
  useSignalEffect(() => {
    const asked = query.value.trim()
    problem.value = undefined
    if (asked === '') {
      found.value = null
      return
    }
    let wanted = true
    // One request for a burst of keys.
    const timer = setTimeout(async () => {
      try {
        const { items } = await client.users.search(asked, { limit: 20 })
        if (wanted) found.value = { query: asked, people: items }
      } catch (error) {
        if (wanted) problem.value = inWords(error)
      }
    }, 150)
    return () => {
      wanted = false
      clearTimeout(timer)
    }
  })

  const people = found.value?.people.filter((person) => !without.includes(person.id)) ?? []
  return (
    <div class="form" ref={box} onKeyDown={onKeyDown}>
      <Field
        label={label}
        type="search"
        name="people"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        placeholder="Name or username"
        maxLength={64}
        value={query.value}
        problem={problem.value}
        onValue={(value) => (query.value = value)}
      />
      <ul aria-label="People found" onKeyDown={(event) => moveFocus(event, 'button')}>
        {people.map((person) => (
          <li key={person.id}>
            <button type="button" class="list-row" disabled={disabled} onClick={() => pick(person)}>
              <Avatar id={person.id} name={person.displayName} online={isOnline(person.id)} />
              <span class="list-text">
                <span class="one-line">{person.displayName}</span>
                <span class="small soft one-line">@{person.username}</span>
              </span>
            </button>
          </li>
        ))}
      </ul>
      <p class="soft small" role="status">
        {found.value !== null &&
          people.length === 0 &&
          `Nobody else goes by “${found.value.query}”. Try the start of their name or username.`}
      </p>
    </div>
  )
}
