// Choices in the core alone, without JavaScript: the loop of the counts, timed.
import { execFileSync } from 'node:child_process'

import { loopProgram } from '../../lib/counts.mjs'

const OPERATIONS = 4_000_000
const ROUNDS = 7

function nanosecondsOf(program, operations) {
  const start = process.hrtime.bigint()
  execFileSync(program, ['choose', String(operations)])
  return Number(process.hrtime.bigint() - start)
}

export const cases = [
  {
    name: 'a choice in the core alone',
    unit: 'ns/op',
    bar: { value: 200 },
    figures: async () => {
      const program = await loopProgram()
      // The difference of two runs is free of the set-up.
      const once = () => (nanosecondsOf(program, 2 * OPERATIONS) - nanosecondsOf(program, OPERATIONS)) / OPERATIONS
      return { ours: Array.from({ length: ROUNDS }, once) }
    },
  },
]
