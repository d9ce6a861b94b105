import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** How to run wrangler: without its bin, which would put one more process between a signal and its end. */
export const wrangler = {
  command: process.execPath,
  args: ['--no-warnings', fileURLToPath(import.meta.resolve('wrangler'))],
}

/** Keeps wrangler to what it was asked: no telemetry, no prompts, no looking for updates, and no doors of its own. */
export const environment = {
  ...process.env,
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_NO_SKILLS_UPDATE_PROMPTS: 'true',
  // A local request has no place on the map; without this each start tries to fetch one.
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  // The one reads and writes every table on the server's own port and asks nobody who they are; the other keeps the addresses of requests,
  // and the sockets of the documented APIs carry a token there.
  X_LOCAL_EXPLORER: 'false',
  X_LOCAL_OBSERVABILITY: 'false',
}
