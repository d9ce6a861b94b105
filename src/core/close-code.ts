/** Codes that only say that none came, and one that nobody may use. */
const UNSPOKEN = [1004, 1005, 1006, 1015]

/** Whether a WebSocket may be closed with this code: peers send any, and not all of them can be sent back. */
const isCloseCode = (code: number): boolean => code >= 1000 && code < 5000 && !UNSPOKEN.includes(code)

/** Closes a WebSocket as its peer did, where that code may be sent. A hibernated socket must be closed like this, or its client waits for an answer. */
export const closeLike = (ws: { close(code?: number, reason?: string): void }, code: number, reason: string): void => {
  try {
    if (isCloseCode(code)) ws.close(code, reason)
    else ws.close()
  } catch {
    // It was closed already.
  }
}
