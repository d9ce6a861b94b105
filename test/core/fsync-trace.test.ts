import { expect, test } from 'vitest'
import { readTrace } from '../../reliability/r08-fsync.ts'

const FILE = '9</state/causerie-Conversation/1.sqlite-wal>'
const write = `7 pwrite64(${FILE}, "traced-0-"..., 4096, 0) = 4096`
const sync = `7 fdatasync(${FILE}) = 0`
const begun = `8 fsync(${FILE} <unfinished ...>`
const ended = '8 <... fsync resumed>) = 0'
const failed = `7 fdatasync(${FILE}) = -1 EIO (Input/output error)`
const ack = (i: number) =>
  String.raw`7 write(5<TCP:[a->b]>, "{\"type\":\"reply\",\"clientId\":\"traced-${i}-\"}", 90) = 90`

test.each([
  ['written, put on the disk, acknowledged', [write, sync, ack(0)], 1],
  ['where the call lasts', [write, begun, ended, ack(0)], 1],
  ['acknowledged while the call still lasts', [write, begun, ack(0), ended], 0],
  ['written anew while the call lasts', [write, begun, write, ended, ack(0)], 0],
  ['acknowledged first', [write, ack(0), sync], 0],
  ['acknowledged first, each time', [sync, write, ack(0), sync, write, ack(1), sync], 0],
  ['put on the disk before it was written', [sync, write, ack(0)], 0],
  ['never written', [sync, ack(0)], 0],
  ['refused by the disk', [write, failed, ack(0)], 0],
] as const)('a trace of what is %s', (_, lines, synced) => {
  expect(readTrace([...lines]).synced).toBe(synced)
})
