import {
  type ControlledClock,
  GenServer,
  type GenServerBehavior,
  type GenServerRef,
  type LifecycleEvent,
} from 'keelson'
import { Supervisor, type System } from 'keelson'

import { systemWith } from './system.ts'

export type Worker = GenServerRef<number, unknown, string, number>

/** A test system, the errors that were reported to it, and workers that log what they do. */
export interface WorkerStage {
  readonly system: System
  readonly clock: ControlledClock
  readonly reported: unknown[]
  readonly log: string[]
  readonly events: LifecycleEvent[]
  /** Workers alive. */
  readonly alive: Set<string>
  /** Starts a worker; `hold` is how long its start takes. */
  worker(name: string, options?: { hold?: number; deaf?: boolean; stopMs?: number }): () => Promise<Worker>
  settle(): Promise<void>
}

/** Creates a stage for workers. The test closes its system. */
export function createWorkerStage(): WorkerStage {
  const reported: unknown[] = []
  const { clock, system } = systemWith((error) => reported.push(error), { seed: 7 })
  const log: string[] = []
  const alive = new Set<string>()
  const events: LifecycleEvent[] = []
  Supervisor.onLifecycleEvent((event) => events.push(event), system)
  let made = 0
  GenServer.onLifecycleEvent((event) => {
    if (event.type === 'terminated') alive.delete(event.ref.id)
  }, system)
  return {
    system,
    clock,
    reported,
    log,
    events,
    alive,
    worker: (name, { hold = 0, deaf = false, stopMs = 0 } = {}) => {
      const behavior: GenServerBehavior<number, unknown, string, number> = {
        init: () => ++made,
        handleCall: (_, state) => [state, state],
        handleCast: (message, state) => {
          if (message === 'crash') throw new Error(`${name} crashed`)
          if (message === 'hang') return new Promise(() => {})
          return message === 'done' ? GenServer.stopWith(state) : state
        },
        terminate: (reason) => {
          log.push(`stop ${name}${typeof reason === 'string' ? '' : ' error'}`)
          if (deaf) return new Promise(() => {})
          return stopMs > 0 ? clock.sleep(stopMs) : undefined
        },
      }
      return async () => {
        if (hold > 0) await clock.sleep(hold)
        const ref = await GenServer.start(behavior, { system })
        alive.add(ref.id)
        log.push(`start ${name}`)
        return ref
      }
    },
    settle: async () => {
      for (let turn = 0; turn < 4; turn++) await clock.flush()
    },
  }
}
