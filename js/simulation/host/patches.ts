/** The host's time, chance and I/O while programs are simulated. */
import { syncBuiltinESMExports } from 'node:module'

import { soon } from '../../clock/host.ts'
import { builtin } from '../../internal/builtin.ts'
import { defaultGuard } from '../../system/default.ts'
import { fakeDate } from '../../testing/fakes/date.ts'
import { fakeHrtime } from '../../testing/fakes/high-resolution.ts'
import { Replacements } from '../../testing/fakes/replacements.ts'
import {
  fakeFunctions,
  FakeTimers,
  type HostFunction,
  type HostTimers,
  TIMER_NAMES,
} from '../../testing/fakes/timers.ts'
import { REAL_HINT, RealWorldError } from '../errors.ts'
import type { Run } from '../run.ts'
import { HostChance, replaceChance } from './chance.ts'
import { replaceIo } from './io.ts'
import { programFrames } from './site.ts'
import { replaceTemporal } from './temporal.ts'

/** An immediate of the program. */
interface Immediate {
  isCleared: boolean
}

/**
 * Puts the world of a simulation in the place of the host's, for as long as an exploration lasts. Between runs, and for
 * what somebody keeps afterwards, everything is the host's own.
 */
export class HostPatches {
  readonly #replacements = new Replacements()
  readonly #immediates = new WeakSet<object>()
  #run: Run | undefined
  #timers: FakeTimers | undefined
  #fakes: HostTimers | undefined
  #hosts: HostTimers | undefined

  constructor() {
    try {
      this.#replaceTime()
      this.#replaceTimers()
      const isActive = (): boolean => this.#run !== undefined
      replaceChance(this.#replacements, new HostChance(() => this.#run?.currentStream))
      replaceIo(this.#replacements, (what) => this.#refuse(what), isActive)
      syncBuiltinESMExports()
    } catch (error) {
      this.restore()
      throw error
    }
  }

  /** Makes a run the one whose world is seen; `undefined` for the host. */
  set run(run: Run | undefined) {
    this.#timers?.end()
    this.#timers = this.#fakes = undefined
    this.#run = run
    defaultGuard.refuse = run === undefined ? undefined : () => this.#refuse('the default system', SYSTEM_HINT)
  }

  /** Puts everything back. */
  restore(): void {
    this.run = undefined
    this.#replacements.restore()
    syncBuiltinESMExports()
  }

  #replaceTime(): void {
    const isActive = (): boolean => this.#run !== undefined
    const wall = (): number => this.#run?.currentClock.wallMs() ?? 0
    const mono = (): number => this.#run?.currentClock.monoMs() ?? 0
    const host = Date
    const fake = fakeDate(host, isActive, wall)
    this.#replacements.replace(globalThis, 'Date', fake)
    this.#replacements.replace(host.prototype, 'constructor', fake)
    for (const owner of new Set([performance, builtin('node:perf_hooks').performance])) {
      const read = owner.now.bind(owner)
      this.#replacements.replace(owner, 'now', () => (isActive() ? mono() : read()))
    }
    this.#replacements.replace(process, 'hrtime', fakeHrtime(process.hrtime, isActive, mono))
    replaceTemporal(this.#replacements, isActive, wall)
  }

  #replaceTimers(): void {
    const nodeTimers = builtin('node:timers') as unknown as HostTimers
    const owners = new Set<object>([globalThis, nodeTimers])
    this.#hosts = Object.fromEntries(TIMER_NAMES.map((name) => [name, nodeTimers[name]])) as unknown as HostTimers
    for (const owner of owners) {
      const own = owner as Record<keyof HostTimers, HostFunction>
      for (const name of TIMER_NAMES) this.#replacements.replace(owner, name, this.#timerFunction(name, own[name]))
    }
    const promises = builtin('node:timers/promises') as unknown as Record<string, HostFunction>
    for (const name of ['setTimeout', 'setInterval'] as const)
      this.#replacements.replace(
        promises,
        name,
        this.#refused(`timers/promises.${name}`, promises[name] as HostFunction),
      )
    const scheduler = (promises as unknown as { scheduler: Record<string, HostFunction> }).scheduler
    this.#replacements.replace(
      scheduler,
      'wait',
      this.#refused('scheduler.wait', (scheduler['wait'] as HostFunction).bind(scheduler)),
    )
    const timeout = AbortSignal.timeout.bind(AbortSignal) as HostFunction
    this.#replacements.replace(AbortSignal, 'timeout', this.#refused('AbortSignal.timeout', timeout))
  }

  #refused(what: string, host: HostFunction): HostFunction {
    return (...args) => {
      if (this.#run !== undefined) this.#refuse(what)
      return host(...args)
    }
  }

  #timerFunction(name: keyof HostTimers, host: HostFunction): HostFunction {
    const replaced: HostFunction = (...args) => {
      const run = this.#run
      if (run === undefined) return Reflect.apply(host, globalThis, args)
      if (name === 'setImmediate') return this.#immediate(run, args)
      if (name === 'clearImmediate' && this.#clearImmediate(args[0])) return undefined
      if (run.settings.timers === 'virtual') return Reflect.apply(this.#virtual(run)[name], globalThis, args)
      if (name === 'setTimeout' || name === 'setInterval') this.#refuse(name)
      return Reflect.apply(host, globalThis, args)
    }
    Object.defineProperty(replaced, 'name', { value: name })
    return replaced
  }

  /** The timers of a run, on the clock of the program. */
  #virtual(run: Run): HostTimers {
    if (this.#fakes === undefined) {
      this.#timers = new FakeTimers(run.clock)
      this.#fakes = fakeFunctions(this.#timers, this.#hosts as HostTimers)
    }
    return this.#fakes
  }

  /** A turn of the event loop is the same each time, so it is the host's; a step waits for it. */
  #immediate(run: Run, [callback, ...args]: unknown[]): unknown {
    if (typeof callback !== 'function')
      return Reflect.apply((this.#hosts as HostTimers).setImmediate, globalThis, [callback])
    const immediate = Object.assign(Object.create(null) as object, {
      isCleared: false,
      ref: () => immediate,
      unref: () => immediate,
      hasRef: () => true,
      [Symbol.dispose]: () => this.#clearImmediate(immediate),
    }) as Immediate
    this.#immediates.add(immediate)
    soon(() => {
      if (immediate.isCleared || this.#run !== run) return
      try {
        ;(callback as HostFunction)(...args)
      } catch (error) {
        run.fail(error)
      }
    })
    return immediate
  }

  #clearImmediate(handle: unknown): boolean {
    if (typeof handle !== 'object' || handle === null || !this.#immediates.has(handle)) return false
    ;(handle as Immediate).isCleared = true
    return true
  }

  /** Fails the run, and throws. */
  #refuse(what: string, hint: string = REAL_HINT): void {
    const run = this.#run
    if (run === undefined) return
    const error = new RealWorldError(what, programFrames(), hint)
    run.fail(error)
    throw error
  }
}

const SYSTEM_HINT = 'pass a system of the simulation: `{ system: sim.system(name) }`'
