import { defineConfig } from 'drizzle-kit'

// Three schemas, three folders: `npm run generate` runs this once for each.
const schemas = {
  directory: { schema: './src/directory/schema.ts', out: './migrations/directory' },
  conversation: { schema: './src/objects/conversation-schema.ts', out: './migrations/conversation', driver: 'durable-sqlite' },
  hub: { schema: './src/objects/hub-schema.ts', out: './migrations/hub', driver: 'durable-sqlite' },
} as const

const name = process.env['SCHEMA']
if (name !== 'directory' && name !== 'conversation' && name !== 'hub') throw new Error('SCHEMA must be directory, conversation or hub')

export default defineConfig({ dialect: 'sqlite', ...schemas[name] })
