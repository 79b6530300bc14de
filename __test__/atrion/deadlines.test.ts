/** Deadlines of tickets and waits at a gate. */
import { Atrion, createControlledClock } from 'keelson'
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
