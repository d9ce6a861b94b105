import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { inGroups } from '../load/in-groups.ts'
import { type Messenger, type Room, startsWith } from '../load/room.ts'
import { LoadSocket } from '../load/socket.ts'
import { memoryOf, processorClock, startProcess, stopProcess } from '../process.ts'
import { installFromDebian } from './debian.ts'
import type { Peer } from './peer.ts'

const COMMAND = '/usr/bin/prosody'
const PACKAGES = ['prosody', 'lua-dbi-sqlite3']
const HOST = 'chat.localhost'
const ROOMS = 'rooms.chat.localhost'
const MESSAGE = Buffer.from('<message ')

/** Prosody, an XMPP server: rooms whose messages go to the archive in SQLite and then to every occupant, by WebSocket. */
export const prosody: Peer = async ({ folder, port }) => {
  if (!isInstalled()) {
    // Where services are run, its package would start one.
    if (existsSync('/run/systemd/system'))
      return `its packages are not installed (apt-get install ${PACKAGES.join(' ')})`
    const problem = installFromDebian(PACKAGES)
    if (problem !== null) return problem
  }
  mkdirSync(folder, { recursive: true })
  const config = join(folder, 'prosody.cfg.lua')
  writeFileSync(config, configOf({ folder, port }))
  // It leaves the mode as the file has it.
  const database = new DatabaseSync(join(folder, 'archive.sqlite'))
  database.exec('PRAGMA journal_mode = WAL')
  database.close()
  const logFile = join(folder, 'server.log')
  const child = await startProcess({ command: COMMAND, args: ['--config', config, '-F'], port, logFile })
  const url = `http://127.0.0.1:${port}`
  const messenger: Messenger = {
    name: 'prosody',
    url,
    pid: child.pid,
    cpuMs: processorClock(child.pid),
    memory: () => memoryOf(child.pid),
    share: 0.3,
    // Each who enters a room costs it a look at all who are in it: a thousand take a minute, and each message then a fifth of a second.
    mostMembers: 100,
    openRoom: async (size) => {
      const room = `room-of-${size}-${Date.now().toString(36)}@${ROOMS}`
      const places = Array.from({ length: size }, (_, i) => i)
      return roomOf(room, await inGroups(places, 20, (place) => occupy(url, `${room}/person${place}`)))
    },
    stop: async () => {
      await stopProcess(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return messenger
}

const isInstalled = (): boolean =>
  existsSync(COMMAND) && spawnSync('lua5.4', ['-e', 'require "dbd.sqlite3"'], { stdio: 'ignore' }).status === 0

/** No more than a room with an archive takes, and nobody is told who comes and goes. */
const configOf = ({ folder, port }: { folder: string; port: number }): string => `
run_as_root = true
daemonize = false
data_path = "${folder}"
log = { warn = "*console" }
modules_enabled = { "saslauth", "websocket" }
modules_disabled = { "s2s", "offline" }
c2s_ports = {}
s2s_ports = {}
https_ports = {}
http_ports = { ${port} }
http_interfaces = { "127.0.0.1" }
http_default_host = "${HOST}"
consider_websocket_secure = true
storage = "sql"
sql = { driver = "SQLite3", database = "${join(folder, 'archive.sqlite')}" }

VirtualHost "${HOST}"
  authentication = "anonymous"

Component "${ROOMS}" "muc"
  modules_enabled = { "muc_mam" }
  muc_room_locking = false
  muc_occupant_id = false
  muc_room_default_presence_broadcast = { visitor = false, participant = false, moderator = false }
`

/** Signs in as nobody in particular and enters the room. */
const occupy = async (url: string, occupant: string): Promise<LoadSocket> => {
  const socket = await LoadSocket.open(`${url.replace('http', 'ws')}/xmpp-websocket`, {
    'sec-websocket-protocol': 'xmpp',
  })
  const open = `<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="${HOST}" version="1.0"/>`
  await exchange(socket, open, '<stream:features')
  await exchange(socket, '<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="ANONYMOUS"/>', '<success')
  await exchange(socket, open, '<stream:features')
  const bind = '<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/>'
  await exchange(socket, `<iq xmlns="jabber:client" type="set" id="bind">${bind}</iq>`, '<jid')
  // The subject of the room is the last thing that is told to who enters.
  const enter = '<x xmlns="http://jabber.org/protocol/muc"><history maxstanzas="0"/></x>'
  await exchange(socket, `<presence xmlns="jabber:client" to="${occupant}">${enter}</presence>`, '<subject')
  return socket
}

/** Sends a stanza and waits for one that has this in it. */
const exchange = async (socket: LoadSocket, stanza: string, answer: string): Promise<void> => {
  const answered = new Promise<void>((resolve, reject) => {
    socket.onFrame = (frame) => {
      if (frame.includes(answer)) resolve()
      else if (frame.includes("type='error'") || frame.includes('<failure')) reject(new Error(frame.toString()))
    }
  })
  socket.send(stanza)
  await answered
}

const roomOf = (room: string, sockets: LoadSocket[]): Room => ({
  sockets,
  acknowledges: false,
  encode: ({ n, text }) =>
    `<message xmlns="jabber:client" type="groupchat" id="${n}" to="${room}"><body>${text}</body></message>`,
  kindOf: (frame) => {
    if (!startsWith(frame, MESSAGE)) return null
    if (frame.includes("type='error'")) throw new Error(`A message was refused: ${frame.toString()}`)
    return 'delivery'
  },
  close: async () => void (await Promise.all(sockets.map((socket) => socket.close()))),
})
