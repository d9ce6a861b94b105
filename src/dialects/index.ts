import type { Dialect, DialectName } from './dialect.ts'
import { direct } from './direct.ts'
import { events } from './events.ts'
import { friends } from './friends.ts'
import { rooms } from './rooms.ts'
import { sealed } from './sealed.ts'

/** Every dialect by its name. Where two share a socket, the first one hears; where two share a route, the first one is asked first. */
export const DIALECTS: Record<DialectName, Dialect> = { sealed, direct, friends, rooms, events }
