import type { Faults, SimulationProgram } from 'keelson/simulation'

import { bank } from './bank.mjs'
import { distributedLock } from './lock.mjs'

/** A program with a planted bug, the faults that it meets, and the title of its picture. */
export interface Scenario {
  readonly title: string
  readonly faults: Faults
  program(isMended: boolean): SimulationProgram
}

export const scenarios: Readonly<Record<'bank' | 'lock', Scenario>> = {
  bank: { title: 'A bank that loses a withdrawal', faults: { delay: 0.1 }, program: bank },
  lock: { title: 'A lock whose holder was paused', faults: { pause: 0.02 }, program: distributedLock },
}
