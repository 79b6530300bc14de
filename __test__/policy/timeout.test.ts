import { isTimeoutError } from 'keelson'
import { retry, timeout, wrap } from 'keelson/effect'
import { describe, expect, it } from 'vitest'

import { boom, failing, forever, useWorld } from '../support/policies.ts'
import { held, watched } from '../support/promises.ts'
import { rejection } from '../support/rejection.ts'

const world = useWorld()
/** Makes a timeout on the test's controlled clock. */
const aTimeout = (ms: number, strategy?: 'cooperative'): ReturnType<typeof timeout> =>
  timeout(ms, { system: world.system, ...(strategy && { strategy }) })

describe('timeout', () => {
  it('settles as its task does: a value, a promise, a throw, a rejection', async () => {
    const policy = aTimeout(100)
    expect(await policy.execute(() => 1)).toBe(1)
    expect(await policy.execute(async () => 2)).toBe(2)
    const thrown = (): never => {
      throw boom
    }
    expect(await rejection(policy.execute(thrown))).toBe(boom)
    expect(await rejection(policy.execute(failing))).toBe(boom)
    expect(policy.stats).toEqual({ succeeded: 2, failed: 2, timedOut: 0 })
  })

  it('rejects at exactly its time, aborts the signal with the same error, and leaves no timer', async () => {
    let signal: AbortSignal | undefined
    const call = watched(
      aTimeout(100).execute((context) => {
        signal = context.signal
        return forever()
      }),
    )
    await world.clock.advance(99)
    expect([call.state(), signal?.aborted]).toEqual(['pending', false])
    await world.clock.advance(1)
    const error = await rejection(call.promise)
    expect(isTimeoutError(error) && error.timeoutMs).toBe(100)
    expect(signal?.reason).toBe(error)
  })

  it('aborts a signal that the task first reads after the time', async () => {
    let readSignal: (() => AbortSignal) | undefined
    const call = rejection(
      aTimeout(10).execute((context) => {
        readSignal = () => context.signal
        return forever()
      }),
    )
    await world.clock.advance(10)
    expect(readSignal?.().reason).toBe(await call)
  })

  it('reports a later failure of the abandoned task to the system, once', async () => {
    const { task, reject } = held()
    const policy = aTimeout(10)
    const lateEvents: unknown[] = []
    policy.on('late', (event) => lateEvents.push(event))
    const call = rejection(policy.execute(task))
    await world.clock.advance(10)
    expect(isTimeoutError(await call)).toBe(true)
    reject(boom)
    await world.clock.flush()
    expect(world.reported.splice(0)).toEqual([[boom, 'a task that had been given up']])
    expect(lateEvents).toEqual([{ error: boom }])
  })

  it('does not report a task that fails because its signal aborted', async () => {
    const call = rejection(aTimeout(10).execute(({ signal }) => world.clock.sleep(1000, { signal })))
    await world.clock.advance(10)
    expect(isTimeoutError(await call)).toBe(true)
  })

  it('waits for the task with the strategy cooperative', async () => {
    const { task, resolve } = held()
    const policy = aTimeout(10, 'cooperative')
    const call = watched(policy.execute(task))
    await world.clock.advance(10)
    expect(call.state()).toBe('pending')
    resolve(5)
    expect(await call.promise).toBe(5)
    const obedient = rejection(policy.execute(({ signal }) => world.clock.sleep(1000, { signal })))
    await world.clock.advance(10)
    expect(isTimeoutError(await obedient)).toBe(true)
    const disobedient = held()
    const failure = rejection(policy.execute(disobedient.task))
    await world.clock.advance(10)
    disobedient.reject(boom)
    expect(await failure).toBe(boom)
  })

  it('bounds each try inside a retry, and all tries together outside', async () => {
    const { system } = world
    const slow = (): Promise<void> => world.clock.sleep(60)
    const inner = rejection(wrap(retry({ system, maxAttempts: 3, backoff: 0 }), aTimeout(50)).execute(forever))
    await world.clock.advance(149)
    const state = watched(inner)
    await world.clock.advance(1)
    expect(isTimeoutError(await inner)).toBe(true)
    expect(state.state()).toBe('resolved')
    const policy = wrap(aTimeout(100), retry({ system, maxAttempts: 3, backoff: 0 }))
    let runs = 0
    const outer = rejection(
      policy.execute(async () => {
        runs++
        await slow()
        throw boom
      }),
    )
    await world.clock.advance(100)
    expect(isTimeoutError(await outer)).toBe(true)
    await world.clock.advance(1000)
    expect(runs).toBe(2)
    // The second try failed after the call was over.
    expect(world.reported.splice(0)).toEqual([[boom, 'a task that had been given up']])
  })

  it('waits for a year without rejecting early', async () => {
    const year = 365 * 24 * 3600 * 1000
    const call = watched(rejection(aTimeout(year).execute(forever)))
    await world.clock.advance(year - 1)
    expect(call.state()).toBe('pending')
    await world.clock.advance(1)
    expect(isTimeoutError(await call.promise)).toBe(true)
  })

  it('rejects a call whose deadline a closed clock cannot keep, and aborts its task', async () => {
    world.clock.close()
    let signal: AbortSignal | undefined
    const error = await rejection(
      aTimeout(10).execute((context) => {
        signal = context.signal
        return forever()
      }),
    )
    expect(error).toMatchObject({ code: 'KEELSON_CLOSED' })
    expect(signal?.aborted).toBe(true)
  })
})
