import * as fc from 'fast-check'

/** What can become of a JSON text on its way: no JSON any more, or JSON that readers disagree on. */

const HUGE = 257 * 1024
const DEPTH = 100_000

type Corruption = (text: string, at: number) => string | Uint8Array

const half = (text: string, at: number): number => (text.length === 0 ? 0 : at % text.length)

const CORRUPTIONS: Record<string, Corruption> = {
  cut: (text, at) => text.slice(0, half(text, at)),
  twice: (text) => text + text,
  'trailing comma': (text) => text.replace(/\}$/, ',}'),
  'trailing words': (text) => `${text} x`,
  'single quotes': (text) => text.replaceAll('"', "'"),
  comment: (text) => `/* */${text}`,
  'byte order mark': (text) => `\uFEFF${text}`,
  'a letter changed': (text, at) => `${text.slice(0, half(text, at))}\u0001${text.slice(half(text, at) + 1)}`,
  // The last of two fields of one name counts, to most readers.
  'a field twice': (text) => text.replace(/^\{("[^"]+":)/, '{$1null,$1'),
  'its type twice': (text) => text.replace(/\}$/, ',"type":"message.delete"}'),
  'a prototype': (text) => text.replace(/^\{/, '{"__proto__":{"isAdmin":true,"ok":true,"role":"owner"},'),
  'a constructor': (text) => text.replace(/^\{/, '{"constructor":{"prototype":{"isAdmin":true}},'),
  'a list': (text) => `[${text}]`,
  'a text': (text) => JSON.stringify(text),
  'spaces around': (text) => ` \n\t${text}\r\n `,
  'escaped letters': (text) =>
    text.replaceAll(/[a-z](?=[a-z])/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`),
  'a number that is none': (text) => text.replace(/:\d+/, ':01'),
  'not a number': (text) => text.replace(/:\d+/, ':NaN'),
  'a hundred thousand deep': (text) => text.replace(/:[^,}]+/, () => `:${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}`),
  'never closed': () => '{"a":'.repeat(30_000),
  'too large': (text) => text.replace(/\}$/, () => `,"x":"${'x'.repeat(HUGE)}"}`),
  'too much space': () => ' '.repeat(HUGE),
  'bytes that are no UTF-8': (text) => new Uint8Array([...new TextEncoder().encode(text.slice(0, 100)), 0xc3, 0x28]),
  'a surrogate in UTF-8': (text) =>
    new Uint8Array([...new TextEncoder().encode(text.slice(0, 100)), 0xed, 0xa0, 0x80, 0x22, 0x7d]),
  'UTF-16': (text) => Uint8Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? text.charCodeAt(i / 2) & 255 : 0)),
}

/** One of these, as what makes a text into another or into bytes. */
export const corruption: fc.Arbitrary<(text: string) => string | Uint8Array> = fc
  .record({ how: fc.constantFrom(...Object.values(CORRUPTIONS)), at: fc.nat() })
  .map(
    ({ how, at }) =>
      (text: string) =>
        how(text, at),
  )
