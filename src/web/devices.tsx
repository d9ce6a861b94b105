import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { now } from './now.ts'
import { type AuthSession, CauserieError } from '../sdk/index.ts'
import { client } from './state.ts'
import { agoOf } from './time.ts'
import { inWords } from './words.ts'

/** Where one is signed in, and the way to end it there. */
export const Devices = () => {
  const devices = useSignal<AuthSession[] | null>(null)
  const problem = useSignal<string | undefined>(undefined)

  const attempt = async (work: () => Promise<unknown>) => {
    problem.value = undefined
    try {
      await work().catch((error: unknown) => {
        // It was ended already, which is what was asked for.
        if (!(error instanceof CauserieError && error.code === 'session.not_found')) throw error
      })
      devices.value = await client.sessions.list()
    } catch (error) {
      problem.value = inWords(error)
    }
  }
  useEffect(() => {
    void attempt(async () => {})
  }, [])

  return (
    <section class="section" aria-labelledby="devices-title">
      <h2 class="section-title" id="devices-title">
        Signed in on
      </h2>
      <ul>
        {devices.value?.map((device) => (
          <li key={device.id} class="list-row">
            <span class="list-text">
              <span class="one-line" {...(device.device === null ? {} : { title: device.device })}>
                {deviceWords(device.device)}
              </span>
              <span class="small soft one-line">
                {device.current ? 'This device' : `Last used ${agoOf(device.lastUsedAt, now.value)}`}
              </span>
            </span>
            {!device.current && (
              <button
                type="button"
                class="button button-small"
                aria-label={`Sign out ${deviceWords(device.device)}`}
                onClick={() => void attempt(() => client.sessions.end(device.id))}
              >
                Sign out
              </button>
            )}
          </li>
        ))}
      </ul>
      {problem.value !== undefined && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
    </section>
  )
}

const BROWSERS = [
  [/Firefox\//, 'Firefox'],
  [/Edg\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Chrome\//, 'Chrome'],
  [/Safari\//, 'Safari'],
] as const
const SYSTEMS = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/CrOS/, 'ChromeOS'],
  [/Linux/, 'Linux'],
] as const

/** A user agent as people would say it. Order matters: most browsers claim to be others as well. */
const deviceWords = (agent: string | null): string => {
  if (agent === null) return 'Unknown device'
  const browser = BROWSERS.find(([pattern]) => pattern.test(agent))?.[1]
  const system = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1]
  if (browser === undefined) return agent
  return system === undefined ? browser : `${browser} on ${system}`
}
