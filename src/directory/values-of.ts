import { type SQL, sql } from 'drizzle-orm'

/** These ids as the right side of an `inArray`, in one parameter however many they are: a statement takes a hundred. */
export const valuesOf = (ids: number[]): SQL => sql`(SELECT value FROM json_each(${JSON.stringify(ids)}))`
