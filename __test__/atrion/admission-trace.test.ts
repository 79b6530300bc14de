/** The tracing channel `keelson:admission`. */
import { Atrion } from 'keelson/atrion'
import { describe, expect, it } from 'vitest'

import { eventsOf, traced } from '../support/channels.ts'
import { rejection } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()
const NAME = 'keelson:admission'

describe('keelson:admission', () => {
  it('spans a request that is answered at once, with the answer as its result', async () => {
    const events = traced(NAME)
    const { system } = stage
    const atrion = new Atrion({ system })
    const ticket = atrion.tryAdmit('db', { priority: 50 })
    expect(eventsOf(events)).toEqual(['start', 'end'])
    expect(events[0]?.fields).toEqual({ system, route: 'db', voltage: 50, shadow: false })
    expect(events[1]?.fields).toEqual({ system, route: 'db', voltage: 50, shadow: false, result: ticket })
    const admitted = await atrion.admit('db')
    expect(events[3]?.fields['result']).toBe(admitted)
    await atrion.run('db', () => 1)
    expect(eventsOf(events)).toEqual(['start', 'end', 'start', 'end', 'start', 'end'])
  })

  it('spans a request that waits until it is admitted, or leaves', async () => {
    const atrion = new Atrion({ system: stage.system })
    const tickets = []
    let waiting: Promise<unknown> | undefined
    // Takes every place.
    const events = traced(NAME)
    for (;;) {
      events.length = 0
      const answer = atrion.admit('db')
      const [, end] = events
      if (end?.fields['result'] === undefined) {
        waiting = answer
        break
      }
      tickets.push(await answer)
    }
    expect(eventsOf(events)).toEqual(['start', 'end'])
    for (const ticket of tickets) if (ticket.allow) ticket.done()
    const ticket = await waiting
    expect(eventsOf(events)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    expect(events[3]?.fields['result']).toBe(ticket)
  })

  it('has the reason of a request that is aborted while it waits, and of one that is refused', async () => {
    const atrion = new Atrion({ system: stage.system })
    const controller = new AbortController()
    const events = traced(NAME)
    let waiting: Promise<unknown>
    for (;;) {
      events.length = 0
      waiting = atrion.admit('db', { signal: controller.signal })
      if (events[1]?.fields['result'] === undefined) break
      await waiting
    }
    const reason = new Error('left')
    controller.abort(reason)
    expect(await rejection(waiting)).toBe(reason)
    expect(eventsOf(events)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
    expect(events[2]?.fields['error']).toBe(reason)
    events.length = 0
    const refused = atrion.tryAdmit('db')
    expect(refused.allow).toBe(false)
    expect(events[1]?.fields['result']).toBe(refused)
  })

  it('has the reason of a request whose signal had aborted before', async () => {
    const atrion = new Atrion({ system: stage.system })
    const events = traced(NAME)
    const controller = new AbortController()
    controller.abort(new Error('before'))
    expect(await rejection(atrion.admit('db', { signal: controller.signal }))).toMatchObject({ message: 'before' })
    expect(eventsOf(events)).toEqual(['start', 'error', 'end'])
    expect(atrion.tryAdmit('db').allow).toBe(true)
  })
})
