/** Follows the bytes of one direction of a WebSocket, so that a cut can be placed inside a frame. */
export class FrameTracker {
  /** Bytes of the payload that are still to come. */
  #left = 0
  #header: number[] = []

  /** Whether the bytes so far end inside a frame. */
  get isInside(): boolean {
    return this.#left > 0 || this.#header.length > 0
  }

  take(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.length - at)
        this.#left -= taken
        at += taken
        continue
      }
      this.#header.push(chunk[at] ?? 0)
      at += 1
      const payload = payloadOf(this.#header)
      if (payload === null) continue
      this.#left = payload
      this.#header = []
    }
  }
}

/** The length of the payload, once the header (RFC 6455 §5.2) is whole; null before. */
const payloadOf = (header: number[]): number | null => {
  const second = header[1]
  if (second === undefined) return null
  const mask = second >= 128 ? 4 : 0
  const short = second % 128
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0
  if (header.length < 2 + extended + mask) return null
  return extended === 0 ? short : header.slice(2, 2 + extended).reduce((sum, byte) => sum * 256 + byte, 0)
}
