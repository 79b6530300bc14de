import { createControlledClock, type ControlledClock } from 'keelson/clock'
import { type Effect, effect } from 'keelson/effect'
import { createSystem, type System } from 'keelson/system'
import { leaksOf } from 'keelson/testing'
import { afterEach, beforeEach, expect } from 'vitest'

export interface World {
  system: System
  clock: ControlledClock
  /** What happened, in order. */
  log: string[]
  reported: [unknown, string][]
  /** An effect that writes a line. */
  note(line: string): Effect<unknown, void>
}

/** A system on a controlled clock, fresh for each test, in which nothing may be left. */
export function useWorld(options: { leaks?: boolean } = {}): () => World {
  let world: World | undefined
  beforeEach(() => {
    const log: string[] = []
    const reported: [unknown, string][] = []
    const clock = createControlledClock({ stallAfterMs: 0 })
    const system = createSystem({ clock, seed: 7, onError: (error, origin) => reported.push([error, origin]) })
    world = { system, clock, log, reported, note: (line) => effect(() => void log.push(line)) }
  })
  afterEach(async () => {
    const { system, clock } = world as World
    // Tests here give up functions that ignore it.
    const left = options.leaks === true ? [] : leaksOf(system).filter((line) => !line.includes('it was given up'))
    await system.close()
    clock.close()
    expect(left).toEqual([])
  })
  return () => world as World
}

/** A promise with its ends outside. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

export const ok = <A>(value: A): { _tag: 'Ok'; value: A } => ({ _tag: 'Ok', value })
export const err = <E>(error: E): { _tag: 'Err'; error: E } => ({ _tag: 'Err', error })
export const interrupted = (reason?: unknown): ReturnType<typeof err> =>
  err(reason === undefined ? { _tag: 'Interrupted' } : { _tag: 'Interrupted', reason })
export const timedOut: ReturnType<typeof err> = err({ _tag: 'Timeout' })
