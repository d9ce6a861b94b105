import { Hono, type MiddlewareHandler } from 'hono'
import { createMiddleware } from 'hono/factory'
import * as z from 'zod'
import { declares } from '../contract/declared.ts'
import { conversationsAfter, dropSnapshot, loadDirectory, readSnapshot, takeSnapshot } from '../directory/backup.ts'
import { conversationExists } from '../directory/conversations.ts'
import { openDirectory } from '../directory/directory.ts'
import { conversationOf } from '../objects/stubs.ts'
import { BackupQuery, LoadConversationRows, LoadDirectoryRows, Snapshot } from '../protocol/backup.ts'
import { isRefusal, refuse } from '../protocol/errors.ts'
import { ConversationId } from '../protocol/ids.ts'
import { numberParam } from '../protocol/page.ts'
import { bearerToken, callerOf } from '../worker/caller.ts'
import type { Public } from './authenticated.ts'
import { isTokenOf } from './deployment-token.ts'
import { bodyCap } from './headers.ts'
import { answer, answerEmpty, problem } from './problem.ts'
import { body, params, query } from './validation.ts'

declare global {
  interface Env {
    /** Set by who runs the server, while it is backed up or restored: who has it reads and writes everything. */
    BACKUP_TOKEN?: string
  }
}

/** A token that can be guessed would give everything away. */
const MIN_TOKEN_LENGTH = 32
/** A page of rows, each perhaps as large as a row can be. */
const BODY_BYTES = 4 * 1024 * 1024

/** No account has this right, also no administrator's: one that is restored into has none yet, and who steals one must not have all. */
const operator: MiddlewareHandler<Public> = declares(
  createMiddleware<Public>(async (c, next) => {
    const token = c.env.BACKUP_TOKEN ?? ''
    if (token.length >= MIN_TOKEN_LENGTH && (await isTokenOf(token, bearerToken(c)))) return next()
    const caller = await callerOf(c)
    return problem(c, isRefusal(caller) ? caller : refuse('backup.not_allowed'))
  }),
  { signedIn: true },
)

const ById = z.object({ id: numberParam(ConversationId) })

/** `/v1/backup`: for who runs the server. */
export const backup = new Hono<Public>()
  .use(operator, bodyCap(BODY_BYTES))
  .post('/snapshots', async (c) => answer(c, await takeSnapshot(openDirectory(c.env)), 201))
  .get('/snapshots/:id', params(Snapshot), query(BackupQuery), async (c) => {
    const { id } = c.req.valid('param')
    return answer(c, await readSnapshot(openDirectory(c.env), { id, ...c.req.valid('query') }))
  })
  .delete('/snapshots/:id', params(Snapshot), async (c) => {
    await dropSnapshot(openDirectory(c.env), c.req.valid('param').id)
    return answerEmpty(c, null)
  })
  .post('/rows', body(LoadDirectoryRows), async (c) =>
    answer(c, await loadDirectory(openDirectory(c.env), c.req.valid('json'))),
  )
  .get('/conversations', query(BackupQuery), async (c) =>
    answer(c, await conversationsAfter(openDirectory(c.env), c.req.valid('query').cursor)),
  )
  .get('/conversations/:id', params(ById), query(BackupQuery), async (c) => {
    const { cursor } = c.req.valid('query')
    return answer(c, await conversationOf(c.env, c.req.valid('param').id).backup(cursor))
  })
  .post('/conversations/:id/rows', params(ById), body(LoadConversationRows), async (c) => {
    const { id: conversationId } = c.req.valid('param')
    if (!(await conversationExists(openDirectory(c.env), conversationId)))
      return problem(c, refuse('conversation.not_found'))
    return answer(c, await conversationOf(c.env, conversationId).load({ conversationId, ...c.req.valid('json') }))
  })
