import { getEventListeners } from 'node:events'
import { afterEach, expect } from 'vitest'

import { type Stage, useStage } from './system.ts'

/** Gives each test a fresh stage. At its end no timer may be left, nor a report that the test did not take out. */
export function useWorld(seed = 7): Stage {
  const stage = useStage({ seed })
  afterEach(async () => {
    await stage.clock.flush()
    expect([stage.clock.getPendingTimerCount(), stage.reported]).toEqual([0, []])
  })
  return stage
}

export const abortListeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length
export const boom: Error = new Error('boom')
export const failing = (): Promise<never> => Promise.reject(boom)
export const forever = (): Promise<never> => new Promise(() => {})
