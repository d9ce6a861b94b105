import { PLANTED_FAULTS } from '../chaos/planted-faults.ts'
import { drive } from './driver-runs.ts'
import type { Row } from './row.ts'

/** Each server has one mistake; a minute of chaos must tell of it. */
export const plantedFaults: Row = {
  id: 'R2',
  demands: `servers with a fault planted in them, ${Object.keys(PLANTED_FAULTS).length}: the checker sees each`,
  run: async () => {
    const missed: string[] = []
    const settings = ['--quick', '--minutes=1']
    const plain = await drive(settings)
    console.log(`  none planted: ${plain.figure}`)
    for (const [name, { seenAs }] of Object.entries(PLANTED_FAULTS)) {
      const { said } = await drive([...settings, `--plant=${name}`], { isQuiet: true })
      const found = [...said.matchAll(/^ {2}([a-z]+\.[a-z]+): (\d+)$/gm)].map(([, kind = '', count]) => ({
        kind,
        count,
      }))
      const isSeen = found.some(({ kind }) => seenAs.some((each) => each === kind))
      if (!isSeen) missed.push(name)
      console.log(`  ${name}: ${found.map(({ kind, count }) => `${count} ${kind}`).join(', ') || 'nothing found'}`)
      if (!isSeen) console.log(said)
    }
    const all = Object.keys(PLANTED_FAULTS).length
    const seen = `${all - missed.length} of ${all} seen${missed.length > 0 ? `; not seen: ${missed.join('; ')}` : ''}`
    const figure = `${seen}; without one the run is ${plain.isGood ? 'a good one' : 'bad'}`
    return { isGood: missed.length === 0 && plain.isGood, figure }
  },
}
