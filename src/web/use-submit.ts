import { useSignal } from '@preact/signals'
import type { TargetedSubmitEvent } from 'preact'
import { useRef } from 'preact/hooks'
import { inWords, issuesOf } from './words.ts'

/** A form's sending: once at a time, with what went wrong in words, per field where the server names one. */
export const useSubmit = (send: () => Promise<unknown>) => {
  const form = useRef<HTMLFormElement>(null)
  const busy = useSignal(false)
  const problem = useSignal<string | undefined>(undefined)
  const issues = useSignal<Record<string, string>>({})

  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    if (busy.value) return
    busy.value = true
    problem.value = undefined
    issues.value = {}
    try {
      await send()
    } catch (error) {
      const fields = Object.entries(issuesOf(error)).filter(([name]) => form.current?.elements.namedItem(name))
      issues.value = Object.fromEntries(fields)
      problem.value = fields.length === 0 ? inWords(error) : undefined
      requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus())
    } finally {
      busy.value = false
    }
  }
  return { form, busy, problem, issues, submit }
}
