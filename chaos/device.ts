import type { Doing } from './history.ts'

/** What can be said by a socket. */
export type Said = Extract<Doing, { do: 'send' | 'edit' | 'delete' | 'react' | 'unreact' | 'read' }>

/** What an attempt came to; `ok: null` where nobody knows. */
export type Outcome = { ok: true; id: number; seq: number } | { ok: false; code: string } | { ok: null }

/** What the workload asks of a client, raw or on the SDK. */
export type Device = {
  readonly name: string
  readonly userId: number
  /** The conversations that it holds a copy of. */
  conversations(): number[]
  /** The highest `seq` that it holds of a conversation; 0 for none. */
  head(conversation: number): number
  online(): Promise<void>
  perform(doing: Said): Promise<Outcome>
  /** Whether unknown outcomes are its own affair, so that nobody else must try again. */
  readonly retriesItself: boolean
  /** Writes down what it holds. */
  tellCopies(): void
  /** The revision that it holds of a conversation; null for none. */
  revOf(conversation: number): number | null
  readonly session: string
  stop(): void
}
