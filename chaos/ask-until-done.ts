import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, ask, isVague } from '../harness/rest.ts'
import type { Somebody } from './clients.ts'
import type { Doing, History } from './history.ts'
import { signInAgain } from './person.ts'

const PAUSE_MS = 150

type Asked<Body> = {
  doing: Doing
  request: { method: string; path: string; json?: unknown }
  /** What the history is to say of the answer. */
  told: (body: Body) => { id?: number; rev?: number }
  /** The refusal that says that it is done already, where there is one. */
  isDone?: string
}

/**
 * Asks what somebody asks apart from all devices, until it is known to be done. Answers whether one of these tries did it, and what it was
 * answered.
 */
export const askUntilDone = async <Body>(
  { base, history }: { base: string; history: History },
  by: Somebody,
  { doing, request, told, isDone }: Asked<Body>,
): Promise<{ isDoneByThis: boolean; body: Body | null }> => {
  for (let tries = 0; ; tries += 1) {
    const op = history.newOp()
    const { id: who } = by.person
    history.write({ e: 'invoke', op, who, device: 'control', session: by.session.id, lane: null, ...doing })
    const answer: Answer<Body> = await ask<Body>(base, { ...request, token: by.session.accessToken })
    if (answer.status !== null && answer.ok) {
      history.write({ e: 'ok', op, ...told(answer.body) })
      return { isDoneByThis: true, body: answer.body }
    }
    // Refused because an earlier try had done it.
    if (answer.status !== null && answer.code === isDone && tries > 0) {
      history.write({ e: 'ok', op })
      return { isDoneByThis: true, body: null }
    }
    if (answer.status === null || isVague(answer.code)) history.write({ e: 'unknown', op, why: 'no answer' })
    else history.write({ e: 'fail', op, code: answer.code })
    if (answer.status === 500) history.write({ e: 'crash', what: `500 to ${doing.do}` })
    if (answer.status === 401) by.session = await signInAgain(base, by)
    // It was done before anybody asked here.
    else if (answer.status !== null && answer.code === isDone) return { isDoneByThis: false, body: null }
    else if (answer.status !== null && answer.status < 500 && answer.status !== 429) {
      throw new Error(`${doing.do} was refused: ${answer.code}`)
    }
    await sleep(PAUSE_MS)
  }
}
