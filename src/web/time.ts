const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })
const weekday = new Intl.DateTimeFormat('en', { weekday: 'long' })
const dayAndMonth = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long' })
const shortDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const withYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric' })
const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'short' })

export const clockOf = (iso: string): string => clock.format(new Date(iso))

export const fullTimeOf = (iso: string): string => full.format(new Date(iso))

/** A local day as a key: two messages of one day share it. */
export const dayKeyOf = (iso: string): string => new Date(iso).toDateString()

/** "Today", "Yesterday", "Tuesday", "3 November", "3 November 2025". */
export const dayNameOf = (iso: string, now: Date): string => {
  const date = new Date(iso)
  const days = daysBetween(date, now)
  if (days <= 0) return 'Today'
  if (days === 1) return 'Yesterday'
  if (days < 7) return weekday.format(date)
  return date.getFullYear() === now.getFullYear() ? dayAndMonth.format(date) : withYear.format(date)
}

/** As short as a line of the inbox needs it: the hour today, the day before that. */
export const shortTimeOf = (iso: string, now: Date): string => {
  const date = new Date(iso)
  const days = daysBetween(date, now)
  if (days <= 0) return clock.format(date)
  if (days === 1) return 'Yesterday'
  if (days < 7) return weekday.format(date)
  return date.getFullYear() === now.getFullYear() ? shortDay.format(date) : String(date.getFullYear())
}

/** "just now", "5 minutes ago", "at 14:05", "on Tuesday", "on 3 November". */
export const agoOf = (iso: string, now: Date): string => {
  const date = new Date(iso)
  const minutes = Math.floor((now.getTime() - date.getTime()) / 60_000)
  if (minutes < 1) return 'just now'
  if (minutes < 60) return minutes === 1 ? 'a minute ago' : `${minutes} minutes ago`
  const days = daysBetween(date, now)
  if (days <= 0) return `at ${clock.format(date)}`
  return days === 1 ? 'yesterday' : `on ${dayNameOf(iso, now)}`
}

const daysBetween = (from: Date, to: Date): number => {
  const midnight = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()
  // Rounded, for a day on which the clocks change has 23 or 25 hours.
  return Math.round((midnight(to) - midnight(from)) / 86_400_000)
}
