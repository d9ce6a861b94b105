import { expect, test } from 'vitest'
import { closeCodeOf, frameOf, type FrameOptions, NORMAL_CLOSURE, readFrame } from '../../harness/websocket.ts'

/** What a server reads (RFC 6455 §5.3): the payload without its mask. */
const unmasked = (frame: Buffer, start: number): Buffer => {
  const key = frame.subarray(start - 4, start)
  return Buffer.from(frame.subarray(start).map((byte, i) => byte ^ key[i % 4]!))
}

test.each([
  [0, 2],
  [125, 2],
  [126, 4],
  [65_535, 4],
  [65_536, 10],
])('a payload of %i bytes is masked, and what has no mask is read as it was', (length, head) => {
  const payload = Buffer.alloc(length, 'abc')
  for (const mask of ['random', 'zeros'] as const) {
    const frame = frameOf(payload, { mask })
    expect(frame.subarray(0, 2)).toEqual(Buffer.from([0x81, 0x80 | (head === 2 ? length : head === 4 ? 126 : 127)]))
    expect(unmasked(frame, head + 4).equals(payload)).toBe(true)
  }
  const frame = frameOf(payload, { mask: 'none' })
  const two = Buffer.concat([frame, frame])
  expect(readFrame(two, 0)).toEqual({ opcode: 1, payload, end: frame.length })
  expect(readFrame(two, frame.length)).toEqual({ opcode: 1, payload, end: two.length })
  expect(readFrame(two, two.length)).toBeNull()
  for (const end of [1, head - 1, frame.length - 1]) expect(readFrame(frame.subarray(0, end), 0)).toBeNull()
})

test.each<[FrameOptions, number[]]>([
  [{ opcode: 9, fin: false, rsv: 4, mask: 'none' }, [0x49, 1, 120]],
  [{ lengthAs: 16, mask: 'none' }, [0x81, 126, 0, 1, 120]],
  [{ lengthAs: 64, mask: 'none' }, [0x81, 127, 0, 0, 0, 0, 0, 0, 0, 1, 120]],
])('with %o a frame is what no library would send', (options, bytes) => {
  expect([...frameOf('x', options)]).toEqual(bytes)
})

test('a close frame says its code, or none', () => {
  expect(closeCodeOf(NORMAL_CLOSURE)).toBe(1000)
  expect(closeCodeOf(Buffer.alloc(0))).toBe(1005)
})
