import { LEASE_MS } from '../protocol/socket.ts'

/** A hub tells that its user went offline only after this long, so that a reconnect is no change. */
export const OFFLINE_GRACE_MS = 15_000

/** A socket that said nothing for this long is cut when something is to be sent: its peer is gone. */
export const DEAD_AFTER_MS = 120_000

/** A socket proves that somebody is there for one lease after each sign of life; being open proves nothing. */
export const isAlive = (lastSignOfLife: number, now: number): boolean => now - lastSignOfLife < LEASE_MS

export const isDead = (lastSignOfLife: number, now: number): boolean => now - lastSignOfLife >= DEAD_AFTER_MS
