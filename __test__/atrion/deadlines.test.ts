/** Deadlines of tickets and waits at a gate. */
import { Atrion, createControlledClock, isTimeoutError } from 'keelson'
import { createTestSystem } from 'keelson/testing'
import { describe, expect, it } from 'vitest'

import { noUnhandledRejections } from '../support/unhandled.ts'

noUnhandledRejections()

describe('deadlines', () => {
  it('of a ticket that somebody got from the queue is kept', async () => {
    const system = createTestSystem({ seed: 1 })
    const admission = { limit: 1, queueDeadlineMs: 60_000, tricklePerSecond: 1e-9, trickleShare: 0, trickleInFlight: 1 }
    const atrion = new Atrion({ system, admission })
    let first = atrion.tryAdmit('db')
    const held = first
    while (first.allow) first = atrion.tryAdmit('db')
    const waiting = atrion.admit('db', { timeoutMs: 50 })
    await system.clock.advance(10)
    if (held.allow) held.done()
    expect(await waiting).toMatchObject({ allow: true })
    const before = atrion.getState('db')?.gate?.timedOut ?? 0
    await system.clock.advance(51)
    expect(atrion.getState('db')?.gate?.timedOut).toBe(before + 1)
    await system.close()
  })

  it('of a wait is kept when the event loop was blocked beyond it', async () => {
    let now = 0
    const controlled = createControlledClock()
    // A clock whose time moves while nothing can fire.
    const blocked = new Proxy(controlled, {
      get: (target, name) => {
        if (name === 'monoMs') return () => now
        const value = Reflect.get(target, name) as unknown
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const atrion = new Atrion({ clock: blocked, admission: { limit: 1, tricklePerSecond: 1e-9, trickleShare: 0 } })
    const first = atrion.tryAdmit('db')
    while (atrion.tryAdmit('db').allow);
    const waiting = atrion.admit('db', { maxWaitMs: 20 })
    now = 200
    if (first.allow) first.done()
    expect(await waiting).toMatchObject({ allow: false, reason: 'queue-deadline' })
    atrion.close()
  })
})

it('autoAdvance does not move for the deadline of a ticket', async () => {
  const system = createTestSystem({ seed: 1 })
  const atrion = new Atrion({ system })
  system.clock.autoAdvance = true
  atrion.tryAdmit('db')
  for (let turn = 0; turn < 20; turn++) await system.clock.flush()
  expect(system.clock.monoMs()).toBe(0)
  expect(() => system.clock.external(5 as never)).toThrow(expect.objectContaining({ field: 'promise' }))
  await system.clock.sleep(10)
  await system.close()
})

it('of run leave time for the work: at twice its capacity a service does almost nothing in vain', async () => {
  await using system = createTestSystem({ seed: 1 })
  const { clock } = system
  clock.autoAdvance = true
  // Ten connections, 50 ms a query: 200 queries a second.
  let free = 10
  const waiting: (() => void)[] = []
  const query = async (): Promise<void> => {
    if (free === 0) await new Promise<void>((resolve) => void waiting.push(resolve))
    else free--
    await clock.sleep(50)
    const next = waiting.shift()
    if (next === undefined) free++
    else next()
  }
  const atrion = new Atrion({ system })
  const counts = { done: 0, late: 0, refused: 0 }
  const requests: Promise<unknown>[] = []
  for (let sent = 0; sent < 4000; sent++) {
    const request = atrion.run('db', query, { timeoutMs: 500 }).then(
      () => counts.done++,
      (error: unknown) => (isTimeoutError(error) ? counts.late++ : counts.refused++),
    )
    requests.push(request)
    await clock.sleep(2.5)
  }
  await Promise.all(requests)
  // Ten seconds of work.
  expect(counts.done).toBeGreaterThan(0.95 * 2000)
  expect(counts.late).toBeLessThan(0.02 * 2000)
  expect(counts.done + counts.late + counts.refused).toBe(4000)
})
