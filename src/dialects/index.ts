import type { Dialect, DialectName } from './dialect.ts'
import { direct } from './direct.ts'
import { events } from './events.ts'
import { friends } from './friends.ts'
import { rooms } from './rooms.ts'
import { sealed } from './sealed.ts'

/** Every dialect by its name. */
export const DIALECTS: Record<DialectName, Dialect> = { direct, sealed, friends, rooms, events }
