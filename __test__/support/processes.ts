import { createControlledClock, type ControlledClock } from 'keelson/clock'
import { createRootSupervisor, type CustomEvent, type ProcessEvent, type RootSupervisor } from 'keelson/process'
import { createSystem, type System } from 'keelson/system'
import { afterEach, beforeEach } from 'vitest'

type Any = any // oxlint-disable-line typescript/no-explicit-any -- events are compared as plain data

export interface World {
  system: System
  clock: ControlledClock
  supervisor: RootSupervisor
  events: Any[]
  reported: [unknown, string][]
  /** The events of these types, without what differs from run to run. */
  told(...types: string[]): Any[]
}

/** A supervisor on a controlled clock, fresh for each test. */
export function useWorld(): () => World {
  let world: World | undefined
  beforeEach(() => {
    const events: Any[] = []
    const reported: [unknown, string][] = []
    const clock = createControlledClock()
    const system = createSystem({
      clock,
      seed: 7,
      crashReports: false,
      onError: (error, origin) => reported.push([error, origin]),
    })
    const emit = (event: ProcessEvent | CustomEvent): void => void events.push(event)
    world = {
      system,
      clock,
      events,
      reported,
      supervisor: createRootSupervisor({ system, emit }),
      told: (...types) =>
        events
          .filter(({ type }) => types.includes(type))
          .map((event) => Object.fromEntries(Object.entries(event).filter(([field]) => field !== 'id'))),
    }
  })
  afterEach(async () => {
    await world?.system.close()
    world?.clock.close()
  })
  return () => world as World
}

export const rejection = (promise: Promise<unknown>): Promise<Any> =>
  promise.then(
    (value) => ({ resolved: value }),
    (error: unknown) => error,
  )
