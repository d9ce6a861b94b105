import { drizzle, type DrizzleD1Database } from 'drizzle-orm/d1'

/** The database of who exists. What reads or writes it takes it, or something that holds it, as its first argument. */
export type Directory = DrizzleD1Database

export const openDirectory = (env: { DIRECTORY: D1Database }): Directory => drizzle(env.DIRECTORY)
