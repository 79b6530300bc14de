import { createRootSupervisor, type CustomEvent, type ProcessEvent, type RootSupervisor } from 'keelson/process'
import { afterEach, beforeEach } from 'vitest'

import { createStage, type Stage } from './system.ts'

type Any = any // oxlint-disable-line typescript/no-explicit-any -- events are compared as plain data

export interface World extends Stage {
  readonly supervisor: RootSupervisor
  readonly events: Any[]
  /** Returns the events of these types, without the ids, which differ from run to run. */
  told(...types: string[]): Any[]
}

/** Gives each test a fresh stage with a root supervisor, and closes both after it. */
export function useWorld(): () => World {
  let world: World | undefined
  beforeEach(() => {
    const events: Any[] = []
    const emit = (event: ProcessEvent | CustomEvent): void => void events.push(event)
    const stage = createStage({ seed: 7 })
    world = {
      ...stage,
      events,
      supervisor: createRootSupervisor({ system: stage.system, emit }),
      told: (...types) =>
        events
          .filter(({ type }) => types.includes(type))
          .map((event) => Object.fromEntries(Object.entries(event).filter(([field]) => field !== 'id'))),
    }
  })
  afterEach(() => world?.system.close())
  return () => world as World
}
