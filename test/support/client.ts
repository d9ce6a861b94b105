import { exports } from 'cloudflare:workers'
import {
  CauserieClient,
  type ClientOptions,
  type KeyValueStore,
  memoryStorage,
  type SocketLike,
} from '../../src/sdk/index.ts'
import { newName, PASSWORD, randomAddress } from './rest.ts'

export type TestClient = { client: CauserieClient; storage: KeyValueStore }

/** A client whose requests and sockets go to the worker of this test. */
export const newClient = (options: Partial<ClientOptions> = {}): TestClient => {
  const { storage = memoryStorage(), ...others } = options
  const address = randomAddress()
  const client = new CauserieClient({
    baseUrl: 'https://causerie.test',
    storage,
    fetch: (request) => {
      // A network of its own: sign-ins are limited per network.
      request.headers.set('cf-connecting-ip', address)
      return exports.default.fetch(request)
    },
    openSocket,
    // A crowd comes back scattered; a test need not wait.
    random: () => 0.02,
    ...others,
  })
  return { client, storage }
}

/** Somebody new, signed in and online. */
export const newPerson = async (
  options: Partial<ClientOptions> = {},
): Promise<TestClient & { id: number; username: string }> => {
  const { client, storage } = newClient(options)
  const username = newName()
  const me = await client.register({ username, email: `${username}@example.org`, password: PASSWORD })
  await online(client)
  return { client, storage, id: me.id, username }
}

/** The same account on another device, online. */
export const anotherDevice = async (username: string, options: Partial<ClientOptions> = {}): Promise<TestClient> => {
  const { client, storage } = newClient(options)
  await client.login({ login: username, password: PASSWORD })
  await online(client)
  return { client, storage }
}

export const online = (client: CauserieClient): Promise<void> => {
  client.connect()
  return client.whenOnline()
}

const openSocket = async (url: string, protocols: string[]): Promise<SocketLike> => {
  const headers = { upgrade: 'websocket', 'sec-websocket-protocol': protocols.join(', ') }
  const { webSocket } = await exports.default.fetch(new Request(url.replace(/^ws/, 'http'), { headers }))
  if (!webSocket) throw new Error('no socket')
  return webSocket
}
