import { drizzle } from 'drizzle-orm/durable-sqlite'
import { migrate } from 'drizzle-orm/durable-sqlite/migrator'

type Migrations = Parameters<typeof migrate>[1]

/** Whether this object was ever written to. Asking writes nothing, so probing for objects that do not exist stores nothing. */
export const hasStorage = (storage: DurableObjectStorage): boolean =>
  storage.sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '__drizzle_migrations'").toArray()
    .length > 0

/** Brings the object's storage to the schema of this code: all missing steps in one transaction, or none. */
export const migrateStorage = (storage: DurableObjectStorage, migrations: Migrations): Promise<void> =>
  migrate(drizzle(storage), migrations)
