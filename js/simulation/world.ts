import {
  callable,
  flag,
  integer,
  known,
  MAX_DURATION_MS,
  millis,
  options as checkOptions,
  text,
} from '../internal/validate.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { promiseOf } from '../internal/thenable.ts'
import type { System } from '../system/system.ts'
import type { Run } from './run.ts'
import type { SettleOptions, Simulation, SimulationClock } from './types.ts'

const MOST_ANSWERS = 2 ** 31 - 1
const SETTLE_MS = 60_000

/** Returns the world that the program of a run sees. It checks arguments, and the run decides. */
export function worldOf(run: Run): Simulation {
  const jumpWall = (ms: number, system?: System): void => run.jumpWall(millis('ms', ms), system)
  return {
    clock: Object.assign(run.clock, { jumpWall }) as unknown as SimulationClock,
    system: (name) => run.system(name),
    invariant: (name, holds) => {
      run.assertRunning()
      run.properties.invariant(text('name', name), callable('holds', holds))
    },
    sometimes: (name, holds) => {
      run.assertRunning()
      run.properties.sometimes(text('name', name), flag('holds', false, holds))
    },
    choose: (n, label) => run.choose(integer('n', 1, MOST_ANSWERS, n), text('label', label)),
    crash: (target) => run.crash(target),
    pause: (system, ms) => {
      const checked = millis('ms', ms)
      if (checked < 0) throw new InvalidArgumentError('ms', 'zero or more milliseconds', ms)
      run.pause(system, checked)
    },
    settle: (options) => settle(run, options),
    external: <T>(promise: Promise<T>): Promise<T> => {
      run.assertRunning()
      const pending = promiseOf(promise)
      if (pending === undefined) throw new InvalidArgumentError('promise', 'a promise', promise)
      const release = run.holds.take('a promise given to external()', Infinity)
      pending.then(release, release)
      return promise
    },
  }
}

async function settle(run: Run, options: SettleOptions | undefined): Promise<void> {
  const settings = checkOptions('options', options)
  known('options', settings, ['heal', 'within'])
  const within = settings.within === undefined ? SETTLE_MS : millis('options.within', settings.within)
  if (within < 0) throw new InvalidArgumentError('options.within', `from 0 to ${MAX_DURATION_MS} ms`, within)
  await run.settle(flag('options.heal', false, settings.heal), within)
}
