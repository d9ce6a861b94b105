import { PASSWORD } from './person.ts'
import { TELLTALE_WORDS } from './workload.ts'

/** What a log must never have, whoever writes it. */
const SECRETS: Record<string, RegExp> = {
  'an access token': /eyJ[\w-]+\.eyJ/,
  // A refresh token or a ticket: 256 bits. What the runtime calls objects by is as long, in lower case.
  'a token': /(?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{43}(?![\w-])/,
  'a password': new RegExp(PASSWORD),
  'an address of somebody': /@example\.org/,
  'what somebody said': new RegExp(`(?:${TELLTALE_WORDS.join('|')})\\b`),
}

/** The kinds of secrets that this log gives away, each with the first line that does. */
export const secretsIn = (log: string): string[] => {
  const lines = log.split('\n')
  return Object.entries(SECRETS).flatMap(([kind, pattern]) => {
    const line = lines.find((each) => pattern.test(each))
    return line === undefined ? [] : [`${kind}: ${line}`]
  })
}
