import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

// As objects, for the types of an input's attributes are told apart by its `type`.
const TYPES = {
  text: { type: 'text' },
  email: { type: 'email' },
  password: { type: 'password' },
  search: { type: 'search' },
} as const

type Passed = {
  name: string
  type?: keyof typeof TYPES
  value: string
  placeholder?: string
  autocomplete: string
  autocapitalize?: 'none' | 'words'
  spellcheck?: boolean
  required?: boolean
  maxLength?: number
}

type Props = Passed & {
  label: string
  hint?: ComponentChildren
  problem?: string | undefined
  onValue: (value: string) => void
}

/** A labelled line of input that says what is wrong with it, right below it. */
export const Field = ({ label, hint, problem, onValue, type = 'text', ...input }: Props) => {
  const id = useId()
  const notes = [hint !== undefined && `${id}-hint`, problem !== undefined && `${id}-problem`].filter(Boolean).join(' ')
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...input}
        {...TYPES[type]}
        id={id}
        class="input"
        aria-invalid={problem !== undefined}
        {...(notes !== '' && { 'aria-describedby': notes })}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
      {hint !== undefined && (
        <p id={`${id}-hint`} class="field-hint">
          {hint}
        </p>
      )}
      {problem !== undefined && (
        <p id={`${id}-problem`} class="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  )
}
