// Runs a program of timers on a host, and writes down what could be seen.
import type { Action, Op, Plan } from './plan.ts'

export interface Handle {
  readonly due?: unknown
}

/** What programs of timers need: the host with an installed clock, or its model. */
export interface Host {
  wall(): number
  mono(): number
  timeout(callback: () => void, delay: number): Handle
  interval(callback: () => void, delay: number): Handle
  immediate(callback: () => void): Handle
  /** Waits as a promise. The returned function aborts the wait. */
  wait(delay: number, done: () => void, failed: () => void): () => void
  signal(delay: number, aborted: () => void): void
  clear(handle: Handle, by: string): void
  refresh(handle: Handle): void
  ref(handle: Handle): void
  unref(handle: Handle): void
  hasRef(handle: Handle): boolean
  jump(ms: number): void
  advance(ms: number): Promise<void>
  advanceAtOnce(ms: number): void
  untilIdle(maxTimers: number): Promise<string>
  reinstall(): void
  pending(): number
  end(): Promise<void>
}

const MOST_TIMERS = 60

/** Returns what a program saw, a line each. */
export async function logOf(plan: Plan, hostOf: (initialTime: number, failed: () => void) => Host): Promise<string[]> {
  const log: string[] = []
  const timers: Handle[] = []
  const immediates = new Set<Handle>()
  const aborts: (() => void)[] = []
  const note = (text: string): void => void log.push(`${text} at ${host.mono() - plan.initialTime}`)
  const host = hostOf(plan.initialTime, () => note('an error'))
  let made = 0

  const act = (name: string, action: Action): void => {
    note(name)
    if (action.do === 'throw') throw new Error(name)
    if (action.do === 'read') note(`${name} reads ${host.wall()}`)
    else if (action.do === 'timeout') begin(action.delay, 'timeout', { do: 'nothing' }, 1)
    else if (action.do === 'immediate') begin(0, 'immediate', { do: 'nothing' }, 1)
    else if (action.do === 'clear') withTimer(action.at, (timer) => host.clear(timer, 'object'))
    else if (action.do === 'refresh') withTimer(action.at, refresh)
    else if (action.do === 'unref') withTimer(action.at, (timer) => host.unref(timer))
  }

  const begin = (delay: number, kind: 'timeout' | 'interval' | 'immediate', action: Action, ticks: number): void => {
    if (made >= MOST_TIMERS) return
    const name = `${kind} ${++made}`
    let left = ticks
    const callback = (): void => {
      if (--left === 0 && kind === 'interval') host.clear(timer, 'object')
      act(name, action)
    }
    const timer = kind === 'immediate' ? host.immediate(callback) : host[kind](callback, delay)
    if (kind === 'immediate') immediates.add(timer)
    timers.push(timer)
  }

  const withTimer = (at: number, run: (timer: Handle) => void): void => {
    const timer = timers[at % Math.max(timers.length, 1)]
    if (timer !== undefined) run(timer)
  }
  const refresh = (timer: Handle): void => {
    if (!immediates.has(timer)) host.refresh(timer)
  }

  const run = async (op: Op): Promise<void> => {
    switch (op.kind) {
      case 'timeout':
      case 'interval':
        return begin(op.delay, op.kind, op.action, op.ticks)
      case 'immediate':
        return begin(0, 'immediate', op.action, 1)
      case 'wait': {
        const name = `wait ${++made}`
        const delay = Number.isNaN(op.delay) ? 1 : op.delay
        aborts.push(
          host.wait(
            delay,
            () => note(name),
            () => log.push(`${name} aborted`),
          ),
        )
        return undefined
      }
      case 'signal': {
        const name = `signal ${++made}`
        return host.signal(Number.isInteger(op.delay) && op.delay >= 0 ? op.delay : 1, () => note(name))
      }
      case 'clear':
        return withTimer(op.at, (timer) => host.clear(timer, op.by))
      case 'refresh':
        return withTimer(op.at, refresh)
      case 'ref':
      case 'unref':
        return withTimer(op.at, (timer) => {
          if (op.kind === 'ref') host.ref(timer)
          else host.unref(timer)
          note(`has ref: ${host.hasRef(timer)}`)
        })
      case 'abort':
        return aborts[op.at % Math.max(aborts.length, 1)]?.()
      case 'advance':
        return await host.advance(op.ms)
      case 'advance at once':
        return host.advanceAtOnce(op.ms)
      case 'jump':
        return host.jump(op.ms)
      case 'read':
        return note(`reads ${host.wall()}`)
      case 'reinstall':
        return host.reinstall()
      case 'until idle':
        return void log.push(await host.untilIdle(op.maxTimers))
    }
  }

  try {
    for (const op of plan.ops) {
      await run(op)
      // What a promise waits for is seen before the next step.
      for (let turns = 0; turns < 8; turns++) await undefined
      log.push(`${host.pending()} pending`)
    }
  } finally {
    await host.end()
  }
  return log
}
