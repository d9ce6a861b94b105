import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { spoiledDatabase } from '../../chaos/inside/spoiled.ts'
import server from '../../src/index.ts'
import type { Call } from './directory-cases.ts'
import { randomAddress } from './rest.ts'

export const LOST = 'D1_ERROR: Network connection lost.'

/** The status of a call of which each query of the directory goes through `query`, when all is done that it began. */
export const spoiledCall = async (call: Call, query: Parameters<typeof spoiledDatabase>[1]): Promise<number> => {
  const { method, path, token, json } = call
  const headers = new Headers({ 'cf-connecting-ip': randomAddress(), 'content-type': 'application/json' })
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  const body = json ? JSON.stringify(json) : null
  const ctx = createExecutionContext()
  const response = await server.fetch(
    new Request(`https://causerie.test${path}`, { method, headers, body }),
    { ...env, DIRECTORY: spoiledDatabase(env.DIRECTORY, query) },
    ctx,
  )
  await response.text()
  await waitOnExecutionContext(ctx)
  return response.status
}
