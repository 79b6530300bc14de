import { createControlledClock, createSystem, type ControlledClock, type GenServerBehavior, type System } from 'keelson'
import { afterEach, beforeEach } from 'vitest'

/** What a test works with: a system on a controlled clock of its own, and the errors that nobody owned. */
export interface Stage {
  readonly system: System
  readonly clock: ControlledClock
  readonly reported: [unknown, string][]
  /** One turn of the real event loop. */
  turn(): Promise<void>
}

/** A stage that is new for each test and closed after it. */
export function useStage(): Stage {
  let system: System
  let clock: ControlledClock
  let reported: [unknown, string][]
  beforeEach(() => {
    reported = []
    clock = createControlledClock()
    system = createSystem({ clock, crashReports: false, onError: (error, origin) => reported.push([error, origin]) })
  })
  afterEach(async () => {
    await system.close()
  })
  return {
    get system() {
      return system
    },
    get clock() {
      return clock
    },
    get reported() {
      return reported
    },
    turn: () => clock.flush(),
  }
}

/** What a promise rejects with; never rejects itself. */
export const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => ({ resolved: value }),
    (error: unknown) => error,
  )

/** What a call throws. */
export const thrown = (attempt: () => unknown): unknown => {
  try {
    return { returned: attempt() }
  } catch (error) {
    return error
  }
}

export const counter: GenServerBehavior<number, 'get' | 'throw' | 'bad' | 'slow', 'add' | 'crash' | 'forget'> = {
  init: () => 0,
  handleCall: (message, count) => {
    if (message === 'throw') throw new Error('no')
    if (message === 'bad') return 5 as never
    return [count, count]
  },
  handleCast: (message, count) => {
    if (message === 'crash') throw new Error('crash')
    return message === 'forget' ? (undefined as never) : count + 1
  },
}
