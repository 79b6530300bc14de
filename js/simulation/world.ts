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
import { HistoryRecorder } from './history/recorder.ts'
import { controlsOf } from './network/controls.ts'
import { runAt } from './network/places.ts'
import type { Run } from './run.ts'
import type { SettleOptions, Simulation, SimulationClock } from './types.ts'
import { fetchIn, listenIn } from './web/controls.ts'

const MOST_ANSWERS = 2 ** 31 - 1
const SETTLE_MS = 60_000

/** Returns the world that the program of a run sees. It checks arguments, and the run decides. */
export function worldOf(run: Run): Simulation {
  const jumpWall = (ms: number, system?: System): void => run.jumpWall(millis('ms', ms), system)
  return {
    clock: Object.assign(run.clock, { jumpWall }) as unknown as SimulationClock,
    network: controlsOf(run),
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
    inside: (system, body) => {
      run.assertRunning()
      return runAt(run.nodeOf('system', system), callable('body', body))
    },
    listen: (name: string, app: unknown, options: unknown) => listenIn(run, name, app, options),
    fetch: (url, init, options) => fetchIn(run, url, init, options),
    history: <Input, Output>() => {
      run.assertRunning()
      return new HistoryRecorder<Input, Output>(run)
    },
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
