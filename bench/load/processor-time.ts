import type { Subject } from '../scenario.ts'
import { inGroups } from './in-groups.ts'

/** How long a server has the processor for one of many, in µs. */
export const processorTimeEach = async (
  subject: Pick<Subject, 'cpuMs'>,
  { times, atOnce }: { times: number; atOnce: number },
  work: (n: number) => Promise<unknown>,
): Promise<number> => {
  const numbers = Array.from({ length: times }, (_, n) => n)
  const before = subject.cpuMs()
  await inGroups(numbers, atOnce, work)
  return ((subject.cpuMs() - before) * 1000) / times
}
