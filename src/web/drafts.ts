import { signal } from '@preact/signals'

const PREFIX = 'causerie.draft.'

/** What somebody began to write and has not sent, per conversation. It survives a reload. */
const drafts = signal<ReadonlyMap<number, string>>(new Map())
let owner = 0

export const draftOf = (conversationId: number): string => drafts.value.get(conversationId) ?? ''

export const keepDraft = (conversationId: number, text: string): void => {
  const empty = text.trim() === ''
  const next = new Map(drafts.peek())
  if (empty) next.delete(conversationId)
  else next.set(conversationId, text)
  drafts.value = next
  try {
    if (empty) localStorage.removeItem(keyOf(conversationId))
    else localStorage.setItem(keyOf(conversationId), text)
  } catch {
    // A full or forbidden storage costs the draft at the next reload, and nothing else.
  }
}

export const openDrafts = (userId: number): void => {
  owner = userId
  const found = new Map<number, string>()
  for (const key of draftKeys()) found.set(Number(key.slice(keyOf('').length)), localStorage.getItem(key) ?? '')
  drafts.value = found
}

/** On signing out: the next person at this browser shall not read them. */
export const forgetDrafts = (): void => {
  for (const key of draftKeys()) localStorage.removeItem(key)
  drafts.value = new Map()
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
