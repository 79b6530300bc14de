/** The host's timers while programs are simulated: they move with the clock of a run, or fail it. */
import { promisify } from 'node:util'

import { soon } from '../../clock/host.ts'
import { builtin } from '../../internal/builtin.ts'
import type { Replacements } from '../../testing/fakes/replacements.ts'
import { fakeTimeoutSignal } from '../../testing/fakes/timeout-signal.ts'
import { fakePromises, type HostTimerPromises } from '../../testing/fakes/timers-promises.ts'
import {
  fakeFunctions,
  FakeTimers,
  type HostFunction,
  type HostTimers,
  TIMER_NAMES,
} from '../../testing/fakes/timers.ts'
import type { Run } from '../run.ts'

/** An immediate of the program. */
interface Immediate {
  isCleared: boolean
}

/** The timers of one run, on the clock of its program. */
interface VirtualTimers {
  readonly timers: FakeTimers
  readonly functions: HostTimers
  readonly promises: HostTimerPromises
  readonly signal: (delay: number) => AbortSignal
}

type HostFunctions = Record<string, HostFunction>

/** The functions that wait for time. */
const WAITING = ['setTimeout', 'setInterval'] as const

/** The timers of the present run. */
export class SimulatedTimers {
  readonly #refuse: (what: string) => void
  readonly #immediates = new WeakSet<object>()
  readonly #hosts: HostTimers
  readonly #hostPromises: HostTimerPromises
  readonly #hostSignal: HostFunction = AbortSignal.timeout as HostFunction
  #run: Run | undefined
  #virtual: VirtualTimers | undefined

  /** @param refuse Fails the run, and throws. */
  constructor(refuse: (what: string) => void) {
    this.#refuse = refuse
    const nodeTimers = builtin('node:timers') as unknown as HostTimers
    this.#hosts = Object.fromEntries(TIMER_NAMES.map((name) => [name, nodeTimers[name]])) as unknown as HostTimers
    const { scheduler, ...functions } = builtin('node:timers/promises') as unknown as HostTimerPromises
    const [wait, yieldTurn] = [scheduler.wait.bind(scheduler), scheduler.yield.bind(scheduler)]
    this.#hostPromises = { ...functions, scheduler: { wait, yield: yieldTurn } }
  }

  /** Makes a run the present one; `undefined` for the host. The timers of the run before end. */
  set run(run: Run | undefined) {
    this.#virtual?.timers.end()
    this.#virtual = undefined
    this.#run = run
  }

  replaceAll(replacements: Replacements): void {
    const promises = builtin('node:timers/promises') as unknown as HostFunctions & { readonly scheduler: HostFunctions }
    const waits = Object.fromEntries(WAITING.map((name) => [name, this.#promised(name)])) as HostFunctions
    for (const name of WAITING) replacements.replace(promises, name, waits[name])
    replacements.replace(promises, 'setImmediate', this.#immediatePromise)
    replacements.replace(promises.scheduler, 'yield', () => this.#immediatePromise())
    const wait: HostFunction = (delay, options) => (waits['setTimeout'] as HostFunction)(delay, undefined, options)
    replacements.replace(promises.scheduler, 'wait', wait)
    for (const owner of new Set<object>([globalThis, builtin('node:timers')])) {
      for (const name of TIMER_NAMES) {
        const replaced = this.#callback(name, (owner as HostFunctions)[name] as HostFunction)
        const custom = name === 'setImmediate' ? this.#immediatePromise : waits[name]
        if (name === 'setTimeout' || name === 'setImmediate')
          Object.defineProperty(replaced, promisify.custom, { value: custom, configurable: true })
        replacements.replace(owner, name, replaced)
      }
    }
    replacements.replace(AbortSignal, 'timeout', (delay: number) => {
      const virtual = this.#own('AbortSignal.timeout')
      return virtual === undefined ? Reflect.apply(this.#hostSignal, AbortSignal, [delay]) : virtual.signal(delay)
    })
  }

  /** Returns the virtual timers of the run; `undefined` outside of runs. Fails a run that has none, and throws. */
  #own(what: string): VirtualTimers | undefined {
    const run = this.#run
    if (run === undefined) return undefined
    if (run.settings.timers !== 'virtual') this.#refuse(what)
    if (this.#virtual === undefined) {
      const timers = new FakeTimers(run.clock)
      this.#virtual = {
        timers,
        functions: fakeFunctions(timers, this.#hosts),
        promises: fakePromises(timers, this.#hostPromises),
        signal: fakeTimeoutSignal(timers, this.#hostSignal),
      }
    }
    return this.#virtual
  }

  #promised(name: (typeof WAITING)[number]): HostFunction {
    return (...args) => (this.#own(`timers/promises.${name}`)?.promises ?? this.#hostPromises)[name](...args)
  }

  /** A function of timers with callbacks. Those that clear work in any case. */
  #callback(name: keyof HostTimers, host: HostFunction): HostFunction {
    const replaced: HostFunction = (...args) => {
      const run = this.#run
      if (run === undefined) return Reflect.apply(host, globalThis, args)
      if (name === 'setImmediate') return this.#immediate(run, args)
      if (name === 'clearImmediate' && this.#clearImmediate(args[0])) return undefined
      const isWait = name === 'setTimeout' || name === 'setInterval'
      const virtual = isWait || run.settings.timers === 'virtual' ? this.#own(name) : undefined
      return Reflect.apply(virtual?.functions[name] ?? host, globalThis, args)
    }
    Object.defineProperty(replaced, 'name', { value: name })
    return replaced
  }

  readonly #immediatePromise = (value?: unknown, options?: unknown): unknown => {
    if (this.#run === undefined || options !== undefined) return this.#hostPromises.setImmediate(value, options)
    return new Promise((resolve) => {
      soon(() => resolve(value))
    })
  }

  /** A turn of the event loop is the same each time, so it is the host's; a step waits for it. */
  #immediate(run: Run, [callback, ...args]: unknown[]): unknown {
    if (typeof callback !== 'function') return Reflect.apply(this.#hosts.setImmediate, globalThis, [callback])
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
}
