import { expect, test } from 'vitest'
import { piecesOf } from '../../src/web/links.ts'

const linksIn = (text: string) => piecesOf(text).flatMap(({ href }) => href ?? [])

test('web and mail addresses become links', () => {
  expect(linksIn('http://a.example, https://b.example/x?y=1#z and mailto:c@d.example')).toEqual([
    'http://a.example/',
    'https://b.example/x?y=1#z',
    'mailto:c@d.example',
  ])
  expect(linksIn('see www.example.org')).toEqual(['https://www.example.org/'])
})

test('other schemes, and what only looks like an address, stay text', () => {
  for (const text of [
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'https://',
    'http://x',
    'a.b.c',
  ]) {
    expect(linksIn(text)).toEqual([])
  }
})

test('the stop that ends a sentence and the bracket around it are not part of an address', () => {
  expect(linksIn('(see https://a.example/b).')).toEqual(['https://a.example/b'])
  expect(linksIn('https://a.example/b_(c), then')).toEqual(['https://a.example/b_(c)'])
  expect(linksIn('Is it https://a.example/?!')).toEqual(['https://a.example/'])
})

test('the pieces put together are the text', () => {
  for (const text of [
    '',
    'plain',
    'https://a.example',
    'x https://a.example/, www.b.example. y',
    'http://x http://y.z',
  ]) {
    const together = piecesOf(text).map((piece) => piece.text)
    expect(together.join('')).toBe(text)
  }
})
