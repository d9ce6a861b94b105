import { exports } from 'cloudflare:workers'
import { expect } from 'vitest'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { Problem } from '../../src/protocol/errors.ts'
import { expectByContract } from './contract.ts'

export type Reply<Body> = { status: number; headers: Headers; body: Body }

type Options = { token?: string; json?: unknown; raw?: BodyInit; headers?: Record<string, string> }

export const PASSWORD = 'correct horse battery'

/** One request to the worker, from a network of its own unless `cf-connecting-ip` is given. Its answer is held against the contract. */
export const ask = async <Body = Problem>(
  method: string,
  path: string,
  options: Options = {},
): Promise<Reply<Body>> => {
  const { token, json, raw } = options
  const headers = new Headers({ 'cf-connecting-ip': randomAddress(), ...options.headers })
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  if (json !== undefined) headers.set('content-type', 'application/json')
  const body = json === undefined ? (raw ?? null) : JSON.stringify(json)
  const response = await exports.default.fetch(new Request(`https://causerie.test${path}`, { method, headers, body }))
  const text = await response.text()
  const type = response.headers.get('content-type') ?? ''
  const answer: unknown = text === '' ? null : type.includes('json') ? JSON.parse(text) : text
  expectByContract(method, path, json, { status: response.status, type, body: answer })
  return { status: response.status, headers: response.headers, body: answer as Body }
}

let people = 0

/** A name that nobody else in this file has. */
export const newName = (stem = 'person'): string => `${stem}${++people}`

/** Somebody new, signed in. */
export const signUp = async (name = newName()): Promise<SignedIn> => {
  const json = { username: name, email: `${name}@example.org`, password: PASSWORD }
  const { status, body } = await ask<SignedIn>('POST', '/v1/auth/register', { json })
  expect(status).toBe(201)
  return body
}

export const signIn = (login: string, password = PASSWORD): Promise<Reply<SignedIn>> =>
  ask('POST', '/v1/auth/login', { json: { login, password } })

export const refreshWith = (refreshToken: string, attempt?: string): Promise<Reply<SignedIn>> =>
  ask('POST', '/v1/auth/refresh', { json: { refreshToken, attempt } })

/** Whether the access token opens anything at this moment. */
export const statusOf = async (token: string): Promise<number> => (await ask('GET', '/v1/me', { token })).status

export const randomAddress = (): string => Array.from(crypto.getRandomValues(new Uint8Array(4))).join('.')
