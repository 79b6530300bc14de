import { type Effect, effect } from 'keelson/effect'
import { leaksOf } from 'keelson/testing'
import { afterEach, beforeEach, expect } from 'vitest'

import { createStage, type Stage } from './system.ts'

export interface World extends Stage {
  /** The events, in order. */
  readonly log: string[]
  /** An effect that writes a line into the log. */
  note(line: string): Effect<unknown, void>
}

/** Gives each test a fresh stage for effects. Nothing may be left in it at the end, unless `leaks` is set. */
export function useWorld(options: { leaks?: boolean } = {}): () => World {
  let world: World | undefined
  beforeEach(() => {
    const log: string[] = []
    world = { ...createStage({ seed: 7 }), log, note: (line) => effect(() => void log.push(line)) }
  })
  afterEach(async () => {
    const { system } = world as World
    // Tests here give up functions that ignore it.
    const left = options.leaks === true ? [] : leaksOf(system).filter((line) => !line.includes('it was given up'))
    await system.close()
    expect(left).toEqual([])
  })
  return () => world as World
}

export const ok = <A>(value: A): { _tag: 'Ok'; value: A } => ({ _tag: 'Ok', value })
export const err = <E>(error: E): { _tag: 'Err'; error: E } => ({ _tag: 'Err', error })
export const interrupted = (reason?: unknown): ReturnType<typeof err> =>
  err(reason === undefined ? { _tag: 'Interrupted' } : { _tag: 'Interrupted', reason })
export const timedOut: ReturnType<typeof err> = err({ _tag: 'Timeout' })
