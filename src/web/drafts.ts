import { type Signal, signal } from '@preact/signals'

const PREFIX = 'causerie.draft.'

/** What somebody began to write and has not sent, each a signal: a key pressed in one conversation concerns no other. It survives a reload. */
const drafts = new Map<number, Signal<string>>()
let owner = 0

export const draftOf = (conversationId: number): string => signalOf(conversationId).value

export const keepDraft = (conversationId: number, text: string): void => {
  const empty = text.trim() === ''
  signalOf(conversationId).value = empty ? '' : text
  try {
    if (empty) localStorage.removeItem(keyOf(conversationId))
    else localStorage.setItem(keyOf(conversationId), text)
  } catch {
    // A full or forbidden storage costs the draft at the next reload, and nothing else.
  }
}

export const openDrafts = (userId: number): void => {
  owner = userId
  dropAll()
  for (const key of draftKeys()) {
    signalOf(Number(key.slice(keyOf('').length))).value = localStorage.getItem(key) ?? ''
  }
}

/** On signing out: the next person at this browser shall not read them. */
export const forgetDrafts = (): void => {
  for (const key of draftKeys()) localStorage.removeItem(key)
  dropAll()
}

// Another page of this browser wrote it, or sent it.
addEventListener('storage', ({ key, newValue }) => {
  if (key?.startsWith(keyOf(''))) signalOf(Number(key.slice(keyOf('').length))).value = newValue ?? ''
})

const signalOf = (conversationId: number): Signal<string> => {
  const draft = drafts.get(conversationId) ?? signal('')
  drafts.set(conversationId, draft)
  return draft
}

const dropAll = () => {
  for (const draft of drafts.values()) draft.value = ''
}

const keyOf = (conversationId: number | '') => `${PREFIX}${owner}.${conversationId}`
const draftKeys = (): string[] => {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(keyOf('')))
  } catch {
    // Forbidden: then there are none.
    return []
  }
}
