import * as z from 'zod'
import { objectIn } from './words.ts'

/** How document 003 frames what it says: it names events and their data, but not how a native socket carries them. */

/** Both usual forms at once: the data in `data`, and beside the event's name. */
export const say = (event: string, data: object): object => ({ type: event, event, data, ...data })

/** Either form, with the name as `type` or `event`. */
export const eventIn = (frame: string): { type: unknown; fields: Record<string, unknown> } | null => {
  const object = objectIn(frame)
  if (!object) return null
  const nested = z.record(z.string(), z.unknown()).safeParse(object['data'])
  return { type: object['type'] ?? object['event'], fields: nested.success ? nested.data : object }
}

/** The token of an `authenticate` frame; null where the frame is not one. */
export const tokenIn = (frame: string): string | null => {
  // Most frames are none, and need not be read twice.
  if (!frame.includes('authenticate')) return null
  const said = eventIn(frame)
  const token = said?.type === 'authenticate' ? said.fields['token'] : null
  return typeof token === 'string' ? token : null
}

export const authenticated = say('authenticated', { success: true })
export const authenticationFailed = say('error', { message: 'Authentification échouée' })
