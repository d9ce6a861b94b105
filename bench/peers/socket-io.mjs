// The chat of Socket.IO's own tutorial: a message is inserted once by its client's offset, told to the room, and acknowledged.
import { createServer } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { Server } from 'socket.io'

const [port, path] = process.argv.slice(2)
const db = new DatabaseSync(path)
db.exec(`
  PRAGMA journal_mode = WAL;
  CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, client_offset TEXT UNIQUE, room TEXT, sender TEXT, content TEXT
  );
`)
const insert = db.prepare('INSERT INTO messages (client_offset, room, sender, content) VALUES (?, ?, ?, ?)')

const server = createServer()
const io = new Server(server, { transports: ['websocket'] })

io.on('connection', (socket) => {
  const { room, sender } = socket.handshake.auth
  void socket.join(room)
  socket.on('chat message', (content, clientOffset, acknowledge) => {
    try {
      const { lastInsertRowid } = insert.run(clientOffset, room, sender, content)
      io.to(room).emit('chat message', { id: Number(lastInsertRowid), room, sender, content, createdAt: new Date() })
      acknowledge()
    } catch (error) {
      // Said before.
      if (error.errcode === 2067) acknowledge()
    }
  })
})

server.listen(Number(port), '127.0.0.1')
