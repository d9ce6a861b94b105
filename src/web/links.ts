export type Piece = { text: string; href?: string }

const LINK = /\b(?:https?:\/\/|mailto:)[^\s<>"'`]+|\bwww\.[^\s<>"'`]+/giu
const TRAILING = '.,;:!?…»”’]}*_'
const ALLOWED = new Set(['http:', 'https:', 'mailto:'])

/** Splits a text into plain pieces and links. Only http, https and mailto ever become a link. */
export const piecesOf = (text: string): Piece[] => {
  const pieces: Piece[] = []
  let from = 0
  for (const match of text.matchAll(LINK)) {
    const shown = withoutTail(match[0])
    const href = addressOf(shown)
    if (href === null) continue
    if (match.index > from) pieces.push({ text: text.slice(from, match.index) })
    pieces.push({ text: shown, href })
    from = match.index + shown.length
  }
  if (from < text.length) pieces.push({ text: text.slice(from) })
  return pieces
}

/** The full stop that ends a sentence and the bracket that closes a remark are not part of the address. */
const withoutTail = (found: string): string => {
  let unopened = found.split(')').length - found.split('(').length
  let end = found.length
  for (; end > 0; end -= 1) {
    const last = found.charAt(end - 1)
    if (last === ')' && unopened > 0) unopened -= 1
    else if (!TRAILING.includes(last)) break
  }
  return found.slice(0, end)
}

const addressOf = (shown: string): string | null => {
  const url = parsed(/^www\./i.test(shown) ? `https://${shown}` : shown)
  if (url === null || !ALLOWED.has(url.protocol)) return null
  return url.protocol === 'mailto:' || url.hostname.includes('.') || url.hostname === 'localhost' ? url.href : null
}

/** `URL.parse` is too young for telephones of a few years ago. */
const parsed = (address: string): URL | null => {
  try {
    return new URL(address)
  } catch {
    return null
  }
}
