/** Codes that only say that none came, and one that nobody may use. */
const UNSPOKEN = [1004, 1005, 1006, 1015]

/** Whether a WebSocket may be closed with this code: peers send any, and not all of them can be sent back. */
export const isCloseCode = (code: number): boolean => code >= 1000 && code < 5000 && !UNSPOKEN.includes(code)
