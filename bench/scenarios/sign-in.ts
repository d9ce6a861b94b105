import { processorTimeEach } from '../load/processor-time.ts'
import { Series } from '../load/series.ts'
import type { Measurement } from '../measurement.ts'
import { request } from '../rest.ts'
import type { Causerie, Context, Scenario } from '../scenario.ts'

const LOGINS = 20
const OTHERS = 100
const ACCOUNT = { username: 'bench', password: 'a bench of old oak' }

type SignedIn = { accessToken: string; refreshToken: string }

const run = async (context: Context): Promise<Measurement[]> => {
  const causerie = await context.startCauserie()
  try {
    let session = await signIn(causerie, 'register', { ...ACCOUNT, email: 'bench@example.org' })
    const { accessToken } = session
    const deeds: Record<string, { times: number; work: () => Promise<unknown> }> = {
      'CPU per login with a password': {
        times: LOGINS,
        work: () => signIn(causerie, 'login', { login: ACCOUNT.username, password: ACCOUNT.password }),
      },
      'CPU per refresh of the tokens': {
        times: OTHERS,
        work: async () => {
          session = await signIn(causerie, 'refresh', { refreshToken: session.refreshToken })
        },
      },
      'CPU per ticket for a socket': {
        times: OTHERS,
        work: () => request(`${causerie.url}/v1/auth/ticket`, { method: 'POST', token: accessToken }),
      },
    }
    const series = new Series()
    for (let round = 0; round <= context.rounds; round += 1) {
      for (const [metric, { times, work }] of Object.entries(deeds)) {
        const spent = await processorTimeEach(causerie, { times: context.quick ? 5 : times, atOnce: 1 }, work)
        if (round === 0) continue
        series.add({ scenario: 'signing in', subject: 'causerie', metric, unit: 'µs' }, spent)
        context.log(`${metric}, round ${round}: ${spent.toFixed(0)} µs`)
      }
    }
    return series.measurements
  } finally {
    await causerie.stop()
  }
}

let networks = 0

/** From another network each time, for what one network may ask in a minute is little. */
const signIn = ({ url }: Causerie, path: string, json: object): Promise<SignedIn> => {
  networks += 1
  const from = `10.${(networks >> 16) & 255}.${(networks >> 8) & 255}.${networks & 255}`
  return request<SignedIn>(`${url}/v1/auth/${path}`, { method: 'POST', json, headers: { 'cf-connecting-ip': from } })
}

export const signInScenario: Scenario = { name: 'sign-in', run }
