import { refuse, type Refusal } from '../protocol/errors.ts'
import type { ConversationEvent } from '../protocol/events.ts'
import type { Answer } from './batch.ts'

/** A frame for the members: all who are in, or only one, or all but one. A `rev` of 0 is a signal without a place in the log. */
export type Emission = { rev: number; frame: string; only?: number; except?: number }

/** What an order came to: the answer to who gave it, and what is to be told. */
export type Outcome = { answer: Answer; emissions: Emission[] }

/** To be tried again in a moment: nobody knows whether it was done. */
export const LATER = refuse('server.unavailable', { retryAfter: 1 })

/** The answers to another try, whose refusals say nothing of an earlier one: that may have been taken. */
export const ofAnotherTry = (answers: Answer[]): Answer[] => answers.map((answer) => (answer.ok ? answer : LATER))

export const refused = (refusal: Refusal): Outcome => ({ answer: refusal, emissions: [] })

export const answered = (result: unknown, emissions: Emission[] = []): Outcome => ({
  answer: { ok: true, json: JSON.stringify(result) },
  emissions,
})

export const emissionOf = (event: ConversationEvent): Emission => ({ rev: event.rev, frame: JSON.stringify(event) })
