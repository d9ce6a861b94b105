import { signal } from '@preact/signals'

/** The time, to the minute: what shows "Yesterday" must change at midnight without being touched. */
export const now = signal(new Date())

setInterval(() => {
  now.value = new Date()
}, 60_000)
