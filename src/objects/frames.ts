import { Command, COMMAND_TYPES, FrameId } from '../protocol/commands.ts'
import { ERRORS, issuesOf, refuse, type Refusal } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Answer } from './batch.ts'

export type Decoded = { id: FrameId; command: Command } | { id: FrameId | null; refusal: Refusal }

/** Reads one frame of the native protocol. It never throws: what is wrong comes back as a refusal, with the id if there was one. */
export const decodeFrame = (data: string | ArrayBuffer): Decoded => {
  const text = checkFrame(data)
  if (typeof text !== 'string') return { id: null, refusal: text }
  const value = parseJson(text)
  if (value === undefined) return { id: null, refusal: refuse('frame.malformed') }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { id: null, refusal: refuse('frame.invalid') }
  }
  const { id: rawId, ...rest } = value as Record<string, unknown>
  const id = FrameId.safeParse(rawId)
  if (!id.success)
    return {
      id: null,
      refusal: refuse('frame.invalid', {
        issues: [{ path: 'id', message: 'must be a whole number or a text of at most 64' }],
      }),
    }
  const command = Command.safeParse(rest)
  if (command.success) return { id: id.data, command: command.data }
  const isKnown = COMMAND_TYPES.some((type) => type === rest['type'])
  const code = isKnown ? 'frame.invalid' : 'frame.unknown_type'
  return { id: id.data, refusal: refuse(code, { issues: issuesOf(command.error) }) }
}

/** The text of a frame, if it is one and not too long. */
export const checkFrame = (data: string | ArrayBuffer): string | Refusal => {
  if (typeof data !== 'string') return refuse('frame.binary')
  return isTooLong(data) ? refuse('frame.too_large') : data
}

/** The reply to a frame. The result is encoded already and only put in its place. */
export const replyFrame = (id: FrameId | null, answer: Answer): string => {
  if (answer.ok) return `{"type":"reply","id":${JSON.stringify(id)},"ok":true,"result":${answer.json}}`
  const { code, issues, retryAfter } = answer
  const error = { code, message: ERRORS[code][1], ...(issues && { issues }), ...(retryAfter && { retryAfter }) }
  return JSON.stringify({ type: 'reply', id, ok: false, error })
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Counts bytes only where the length alone does not tell. */
const isTooLong = (text: string): boolean =>
  text.length > LIMITS.frameBytes ||
  (text.length * 3 > LIMITS.frameBytes && new TextEncoder().encode(text).byteLength > LIMITS.frameBytes)
