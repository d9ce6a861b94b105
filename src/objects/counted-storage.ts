import { count } from '../directory/metrics.ts'

/** An object's storage that counts the rows written through it. `onFailure` hears of what it refuses, as where there is no room. */
export const countedStorage = (
  storage: DurableObjectStorage,
  onFailure: (error: unknown) => void = () => {},
): DurableObjectStorage => {
  const sql = {
    exec: (query: string, ...bindings: SqlStorageValue[]) => {
      try {
        const cursor = storage.sql.exec(query, ...bindings)
        count('causerie_object_rows_written_total', cursor.rowsWritten)
        return cursor
      } catch (error) {
        onFailure(error)
        throw error
      }
    },
  }
  const countedRow = () => count('causerie_object_rows_written_total')
  const counted: Pick<DurableObjectStorage, 'transactionSync' | 'getAlarm' | 'setAlarm' | 'deleteAlarm'> = {
    transactionSync: (work) => storage.transactionSync(work),
    getAlarm: () => storage.getAlarm(),
    setAlarm: (time) => {
      countedRow()
      return storage.setAlarm(time)
    },
    deleteAlarm: () => {
      countedRow()
      return storage.deleteAlarm()
    },
  }
  // What the rest of the platform's interface is for, no object of ours asks of its storage.
  return { ...counted, sql } as unknown as DurableObjectStorage
}
