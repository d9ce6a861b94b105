import { drizzle, type DrizzleD1Database } from 'drizzle-orm/d1'

/** The database of who exists. Every function of this folder takes it as its first argument. */
export type Directory = DrizzleD1Database

export const openDirectory = (env: { DIRECTORY: D1Database }): Directory => drizzle(env.DIRECTORY)
