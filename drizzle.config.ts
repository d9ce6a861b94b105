import { type Config, defineConfig } from 'drizzle-kit'

// Three schemas, three folders: `npm run generate` runs this once for each. MIGRATIONS names another folder, to see what would change.
const schema = process.env['SCHEMA']
const migrations = process.env['MIGRATIONS'] ?? './migrations'

const configs: Record<string, Config> = {
  directory: { dialect: 'sqlite', schema: './src/directory/schema.ts', out: `${migrations}/directory` },
  conversation: {
    dialect: 'sqlite',
    driver: 'durable-sqlite',
    schema: './src/objects/conversation-schema.ts',
    out: `${migrations}/conversation`,
  },
  hub: {
    dialect: 'sqlite',
    driver: 'durable-sqlite',
    schema: './src/objects/hub-schema.ts',
    out: `${migrations}/hub`,
  },
}

const config = configs[schema ?? '']
if (!config) throw new Error(`SCHEMA must be one of ${Object.keys(configs).join(', ')}`)

export default defineConfig(config)
