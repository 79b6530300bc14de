/** The host's time in all places where programs find it, and its replacement by a clock. */
import { syncBuiltinESMExports } from 'node:module'
import nodeTimers from 'node:timers'

import { builtin } from '../../internal/builtin.ts'
import type { BaseClock } from '../../clock/base.ts'
import { performances, replaceReadings } from './readings.ts'
import { Replacements } from './replacements.ts'
import { fakePromises, type HostTimerPromises } from './timers-promises.ts'
import { fakeTimeoutSignal } from './timeout-signal.ts'
import { fakeFunctions, FakeTimers, type HostFunction, type HostTimers, setPromisified, TIMER_NAMES } from './timers.ts'

/**
 * Modules of Node that read the timers once, as they are loaded, and have to find the host's: connections of real
 * servers and processes do not follow a clock of a test.
 */
const LOADED_BEFORE = ['node:child_process', 'node:http2', 'node:https', 'node:readline'] as const

/** Signs by which fake timers of others are known: those of sinon (jest, vitest), the old ones of jest, node:test. */
interface Signs {
  readonly isFake?: unknown
  readonly isMock?: unknown
  readonly clock?: unknown
}

/** Returns what stands in the place of the host's time; `undefined` if nothing does. */
export function replacedBy(): string | undefined {
  const date = Date as unknown as Signs
  const timeout = setTimeout as unknown as Signs
  if (date.isFake === true && timeout.clock === undefined) return 'a clock is installed'
  const signs = [date.isFake, date.isMock, timeout.clock !== undefined, '_isMockFunction' in setTimeout]
  return signs.includes(true) ? 'fake timers of another library are installed' : undefined
}

/** The replacement of the host's time by a clock. */
export class FakedHost {
  readonly #timers: FakeTimers
  readonly #replacements = new Replacements()

  /** Replaces everything. Puts all back before it throws. */
  constructor(clock: BaseClock) {
    for (const name of LOADED_BEFORE) builtin(name)
    this.#timers = new FakeTimers(clock)
    try {
      this.#replaceTimers()
      this.#replaceReadings(clock)
      syncBuiltinESMExports()
    } catch (error) {
      this.restore()
      throw error
    }
  }

  /** Puts everything back and clears the timers that are left. */
  restore(): void {
    this.#timers.end()
    this.#replacements.restore()
    syncBuiltinESMExports()
  }

  #replaceTimers(): void {
    const nodePromises = builtin('node:timers/promises')
    const promises = fakePromises(this.#timers, copyOf(nodePromises as unknown as HostTimerPromises))
    const fakesOf = (host: HostTimers): HostTimers => {
      const fakes = fakeFunctions(this.#timers, host)
      setPromisified(fakes, promises)
      return fakes
    }
    const nodes = timersOf(nodeTimers)
    const globals = timersOf(globalThis)
    const forNode = fakesOf(nodes)
    // In Node both are the same functions; a test environment such as jsdom has others.
    const isSame = TIMER_NAMES.every((name) => nodes[name] === globals[name])
    const forGlobals = isSame ? forNode : fakesOf(globals)
    for (const name of TIMER_NAMES) {
      this.#replacements.replace(nodeTimers, name, forNode[name])
      this.#replacements.replace(globalThis, name, forGlobals[name])
    }
    const { scheduler, ...functions } = promises
    for (const [name, fake] of Object.entries(functions)) this.#replacements.replace(nodePromises, name, fake)
    for (const [name, fake] of Object.entries(scheduler)) {
      this.#replacements.replace(nodePromises.scheduler, name, fake)
    }
    this.#replaceSignal()
  }

  #replaceSignal(): void {
    const host = AbortSignal.timeout as HostFunction
    this.#replacements.replace(AbortSignal, 'timeout', fakeTimeoutSignal(this.#timers, host))
  }

  #replaceReadings(clock: BaseClock): void {
    const isActive = (): boolean => this.#timers.isActive
    const wall = (): number => clock.wallMs()
    const mono = (): number => clock.monoMs()
    replaceReadings(this.#replacements, isActive, wall, mono)
    // Added to `now`, it is the wall time, as long as that has not jumped.
    for (const owner of performances()) this.#replacements.replace(owner, 'timeOrigin', wall() - mono())
  }
}

type Timers = { readonly [name in keyof HostTimers]: unknown }

/** Returns the functions of an object as they are now. */
function timersOf(owner: Timers): HostTimers {
  return Object.fromEntries(TIMER_NAMES.map((name) => [name, owner[name]])) as unknown as HostTimers
}

/** Returns the functions of a module as they are now, bound to what they need. */
function copyOf({ scheduler, ...functions }: HostTimerPromises): HostTimerPromises {
  return {
    ...functions,
    scheduler: { wait: scheduler.wait.bind(scheduler), yield: scheduler.yield.bind(scheduler) },
  }
}
