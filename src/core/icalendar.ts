import type { CalendarEvent } from '../protocol/calendar.ts'

/** An event as calendars exchange it (RFC 5545). `host` makes its id unique in the world. */
export const icalendarOf = (event: CalendarEvent, host: string): string =>
  [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Causerie//Causerie//EN',
    'BEGIN:VEVENT',
    `UID:event-${event.id}@${host}`,
    `DTSTAMP:${timeOf(event.createdAt)}`,
    `DTSTART:${timeOf(event.startsAt)}`,
    `SUMMARY:${escape(event.title)}`,
    ...(event.description === '' ? [] : [`DESCRIPTION:${escape(event.description)}`]),
    ...(event.location === '' ? [] : [`LOCATION:${escape(event.location)}`]),
    'END:VEVENT',
    'END:VCALENDAR',
  ]
    .map((line) => `${fold(line)}\r\n`)
    .join('')

const MAX_OCTETS = 75

/** `2026-05-01T18:30:00.000Z` as `20260501T183000Z`. */
const timeOf = (timestamp: string): string => `${timestamp.slice(0, 19).replaceAll(/[-:]/g, '')}Z`

const escape = (text: string): string =>
  text
    .replaceAll(/[\\;,]/g, String.raw`\$&`)
    .replaceAll(/\r\n|\r|\n/g, String.raw`\n`)
    // oxlint-disable-next-line no-control-regex -- a text may hold none but the tab
    .replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F]/g, '')

/** Breaks a line before its 76th octet, and never within a character; what goes on begins with a space. */
const fold = (line: string): string => {
  const encoder = new TextEncoder()
  let folded = ''
  let octets = 0
  for (const character of line) {
    const size = encoder.encode(character).byteLength
    if (octets + size > MAX_OCTETS) {
      folded += '\r\n '
      octets = 1
    }
    folded += character
    octets += size
  }
  return folded
}
