import type { Subject } from '../scenario.ts'
import type { LoadSocket } from './socket.ts'

/** What a frame of the server is to the load: a message told to a socket, the word to its sender that it is kept, or neither. */
export type Kind = 'delivery' | 'acknowledgement' | null

/** The sockets of one group, one for each member. Each message is delivered to every one of them, its sender's too. */
export type Room = {
  sockets: LoadSocket[]
  /** What the member at this place sends to say this text. */
  encode(message: { n: number; from: number; text: string }): string
  kindOf(frame: Buffer): Kind
  /** Where a server says nothing to the sender but the message itself, that is its acknowledgement. */
  acknowledges: boolean
  /** Which message an acknowledgement is for, where its text is not in it. */
  acknowledged?(frame: Buffer): number
  /** Sent by each socket every 20 s, where the server wants to hear of it. */
  heartbeat?: string
  close(): Promise<void>
}

/** A server that can be talked through. */
export type Messenger = Subject & {
  openRoom(size: number): Promise<Room>
  /** How much of the usual number of messages it is given, where it takes many times as long for each. */
  share?: number
  /** The largest group that it is measured with, where a larger one takes too long. */
  mostMembers?: number
}

/** The text of a message: what a person says, and its number, by which it is known again. */
export const textOf = (n: number): string => `#${String(n).padStart(8, '0')} hello there, how are you today?`

/** Which message a frame is about. */
export const numberIn = (frame: Buffer): number | null => {
  const at = frame.indexOf('#')
  return at < 0 ? null : Number(frame.toString('latin1', at + 1, at + 9))
}

export const startsWith = (frame: Buffer, prefix: Buffer): boolean =>
  frame.length >= prefix.length && frame.compare(prefix, 0, prefix.length, 0, prefix.length) === 0
