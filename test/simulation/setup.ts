import { vi } from 'vitest'
import { ServerEnd, SimulatedSocket } from './socket.ts'

// The directory takes no part in what is simulated: everybody is signed in, and nobody is blocked.
vi.mock('../../src/directory/directory.ts', () => ({ openDirectory: () => null }))
vi.mock('../../src/directory/sessions.ts', () => ({
  liveSession: (_: unknown, id: string) =>
    Promise.resolve({ userId: Number(id.split('-')[0]), expiresAt: Number.MAX_SAFE_INTEGER }),
}))
vi.mock('../../src/directory/blocks.ts', () => ({ blockersAmong: () => Promise.resolve([]) }))
vi.mock('../../src/directory/restoration.ts', () => ({ erasedAmong: () => Promise.resolve([]) }))
vi.mock('../../src/directory/circle.ts', () => ({ circleOf: () => Promise.resolve({ friends: [], hidden: [] }) }))
vi.mock('../../src/directory/metrics.ts', () => ({
  count: () => {},
  countDelivery: () => {},
  countFault: () => {},
  isReportDue: () => false,
  reportMetrics: () => Promise.resolve(),
}))
vi.mock('../../src/directory/faults.ts', () => ({ logFault: () => {} }))

vi.stubGlobal('WebSocketRequestResponsePair', class {})
vi.stubGlobal(
  'WebSocketPair',
  class {
    readonly 0 = new SimulatedSocket()
    readonly 1 = new ServerEnd(this[0])
  },
)
// The platform's own takes the status of an upgrade, and the socket.
vi.stubGlobal(
  'Response',
  class {
    readonly status: number
    readonly webSocket: SimulatedSocket | undefined

    constructor(_: null, init: { status: number; webSocket?: SimulatedSocket }) {
      this.status = init.status
      this.webSocket = init.webSocket
    }
  },
)
