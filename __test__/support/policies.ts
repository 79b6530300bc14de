import { getEventListeners } from 'node:events'
import { type ControlledClock, createControlledClock } from 'keelson/clock'
import { createSystem, type System } from 'keelson/system'
import { afterEach, beforeEach, expect } from 'vitest'

/** What each test has: a system under control, and what was reported to its owner of errors. */
export interface World {
  system: System
  clock: ControlledClock
  reported: [unknown, string][]
}

/** A fresh world for each test; at its end no timer may be left, and nothing reported that was not looked at. */
export function useWorld(seed = 7): World {
  const world = {} as World
  beforeEach(() => {
    world.clock = createControlledClock()
    world.reported = []
    world.system = createSystem({
      clock: world.clock,
      seed,
      onError: (error, origin) => world.reported.push([error, origin]),
    })
  })
  afterEach(async () => {
    await world.clock.flush()
    expect([world.clock.getPendingTimerCount(), world.reported]).toEqual([0, []])
    await world.system.close()
  })
  return world
}

/** The error of a promise that is to reject. */
export const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => ({ resolved: value }),
    (error: unknown) => error,
  )

/** A promise that says whether it has settled. */
export function watched<T>(promise: Promise<T>): { state: () => string; promise: Promise<T> } {
  let state = 'pending'
  promise.then(
    () => (state = 'resolved'),
    () => (state = 'rejected'),
  )
  return { state: () => state, promise }
}

/** A task that somebody else ends. */
export function held<T = number>(): {
  task: () => Promise<T>
  resolve: (value: T) => void
  reject: (error: unknown) => void
  begun: () => number
} {
  let begun = 0
  let resolve: (value: T) => void = () => undefined
  let reject: (error: unknown) => void = () => undefined
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  const task = (): Promise<T> => {
    begun++
    return promise
  }
  return { task, resolve, reject, begun: () => begun }
}

export const abortListeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length
export const boom: Error = new Error('boom')
export const failing = (): Promise<never> => Promise.reject(boom)
export const forever = (): Promise<never> => new Promise(() => {})
