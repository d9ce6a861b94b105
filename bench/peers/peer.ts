import type { Messenger } from '../load/room.ts'

/** Starts another chat server; answers why where it cannot be had on this machine. */
export type Peer = (options: { folder: string; port: number; people: number }) => Promise<Messenger | string>
