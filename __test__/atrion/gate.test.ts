import { AsyncLocalStorage } from 'node:async_hooks'
import { Atrion, createSystem, isClosedError, isShedError, isTimeoutError, type Shed, type Ticket } from 'keelson'
import { createTestSystem, type TestSystem } from 'keelson/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

let system: TestSystem
beforeEach(() => {
  system = createTestSystem({ seed: 1 })
})
afterEach(() => system.close())

const gated = (admission: NonNullable<ConstructorParameters<typeof Atrion>[0]>['admission']) =>
  new Atrion({ system, admission: { ...admission } })
const admitted = (admission: Ticket | Shed): Ticket => {
  if (!admission.allow) throw new Error(`shed: ${admission.reason}`)
  return admission
}
/** Uses up the trickle, which admits the first request that would be shed. */
function spendTrickle(atrion: Atrion, route: string): void {
  for (let tries = 0; tries < 20; tries++) {
    if (!atrion.tryAdmit(route, { priority: 'background' }).allow) return
  }
  throw new Error('the trickle never ran dry')
}

describe('tryAdmit', () => {
  it('gives tickets up to the limit, then sheds with a reason and a retry hint', () => {
    const atrion = gated({ limit: 2 })
    const tickets = [admitted(atrion.tryAdmit('db')), admitted(atrion.tryAdmit('db'))]
    spendTrickle(atrion, 'db')
    const shed = atrion.tryAdmit('db')
    expect(shed).toMatchObject({ allow: false, route: 'db', reason: 'limit' })
    expect((shed as Shed).retryAfterMs).toBeGreaterThan(0)
    expect((shed as Shed).resistance).toBeGreaterThanOrEqual(10)
    expect(tickets[0]?.done()).toBe(true)
    expect(atrion.getState('db')?.gate?.succeeded).toBe(1)
  })

  it('counts a ticket once, however often it is reported', () => {
    const atrion = gated({ limit: 2 })
    const ticket = admitted(atrion.tryAdmit('db'))
    expect([ticket.done({ ok: false }), ticket.done(), ticket.done({ aborted: true })]).toEqual([true, false, false])
    expect(atrion.getState('db')?.gate).toMatchObject({ inFlight: 0, succeeded: 0, failed: 1 })
  })

  it('keeps the place of work whose client left, until the work ends', () => {
    const atrion = gated({ limit: 2 })
    const ticket = admitted(atrion.tryAdmit('db'))
    expect([ticket.left(), ticket.left()]).toEqual([true, false])
    expect(atrion.getState('db')?.gate?.inFlight).toBe(1)
    expect([ticket.done(), ticket.left()]).toEqual([true, false])
    expect(atrion.getState('db')?.gate).toMatchObject({ inFlight: 0, succeeded: 1 })
  })

  it('keeps gates of different routes apart', () => {
    const atrion = gated({ limit: 1, maxQueue: 0 })
    admitted(atrion.tryAdmit('a'))
    admitted(atrion.tryAdmit('b'))
    expect(atrion.getState('a')?.gate?.inFlight).toBe(1)
    expect(atrion.getState('b')?.gate?.inFlight).toBe(1)
  })

  it('frees a ticket that is never done at its deadline, and counts a failure', async () => {
    const atrion = gated({ limit: 1, ticketTimeoutMs: 1000 })
    const ticket = admitted(atrion.tryAdmit('db'))
    await system.clock.advance(999)
    expect(atrion.getState('db')?.gate?.inFlight).toBe(1)
    await system.clock.advance(2)
    expect(atrion.getState('db')?.gate).toMatchObject({ inFlight: 0, timedOut: 1, failed: 1 })
    expect(ticket.done()).toBe(false)
  })
})

describe('admit', () => {
  it('queues, and admits by priority, then in order', async () => {
    const atrion = gated({ limit: 1, queueDeadlineMs: 1000 })
    const first = admitted(await atrion.admit('db'))
    const order: string[] = []
    const wait = (name: string, priority: 'background' | 'normal' | 'critical') =>
      atrion.admit('db', { priority }).then((admission) => {
        order.push(name)
        return admitted(admission)
      })
    const waits = [wait('background', 'background'), wait('normal', 'normal'), wait('critical', 'critical')]
    await system.clock.advance(5)
    expect(atrion.getState('db')?.gate?.queued).toBeGreaterThan(1)
    first.done()
    for (const next of ['critical', 'normal', 'background']) {
      await system.clock.flush()
      expect(order).toContain(next)
      const index = ['background', 'normal', 'critical'].indexOf(next)
      const ticket = await (waits[index] as Promise<Ticket>)
      expect(ticket.waitedMs).toBeGreaterThanOrEqual(0)
      await system.clock.advance(1)
      ticket.done()
    }
    expect(order).toEqual(['critical', 'normal', 'background'])
  })

  it('sheds who waited as long as makes sense', async () => {
    const atrion = gated({ limit: 1, queueDeadlineMs: 80 })
    admitted(await atrion.admit('db'))
    spendTrickle(atrion, 'db')
    const waiting = atrion.admit('db')
    await system.clock.advance(79)
    expect(atrion.getState('db')?.gate?.queued).toBe(1)
    await system.clock.advance(2)
    expect(await waiting).toMatchObject({ allow: false, reason: 'queue-deadline' })
  })

  it('waits no longer than the caller wants', async () => {
    const atrion = gated({ limit: 1, queueDeadlineMs: 1000 })
    admitted(await atrion.admit('db'))
    spendTrickle(atrion, 'db')
    const waiting = atrion.admit('db', { maxWaitMs: 10 })
    await system.clock.advance(11)
    expect(await waiting).toMatchObject({ allow: false, reason: 'queue-deadline' })
  })

  it('lets a more important request take the place of the least important one', async () => {
    const atrion = gated({ limit: 1, maxQueue: 1, queueDeadlineMs: 1000 })
    const first = admitted(await atrion.admit('db'))
    spendTrickle(atrion, 'db')
    const low = atrion.admit('db', { priority: 'low' })
    const high = atrion.admit('db', { priority: 'high' })
    expect(await low).toMatchObject({ allow: false, reason: 'displaced' })
    expect(await atrion.admit('db', { priority: 'background' })).toMatchObject({ allow: false, reason: 'queue-full' })
    first.done()
    expect(await high).toMatchObject({ allow: true })
  })

  it('ends a wait with the signal, and leaves no listener', async () => {
    const atrion = gated({ limit: 1, queueDeadlineMs: 1000 })
    const first = admitted(await atrion.admit('db'))
    spendTrickle(atrion, 'db')
    const controller = new AbortController()
    const removed = vi.spyOn(controller.signal, 'removeEventListener')
    const reason = new Error('gone')
    const waiting = atrion.admit('db', { signal: controller.signal })
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(atrion.admit('db', { signal: controller.signal })).rejects.toBe(reason)
    expect(atrion.getState('db')?.gate?.queued).toBe(0)

    const quiet = new AbortController()
    const off = vi.spyOn(quiet.signal, 'removeEventListener')
    const next = atrion.admit('db', { signal: quiet.signal })
    first.done()
    expect(await next).toMatchObject({ allow: true })
    expect(off).toHaveBeenCalledTimes(1)
    expect(removed).toHaveBeenCalledTimes(1)
  })

  it('sheds who waits when it is closed, and refuses later calls', async () => {
    const atrion = gated({ limit: 1, queueDeadlineMs: 1000 })
    const ticket = admitted(await atrion.admit('db'))
    spendTrickle(atrion, 'db')
    const waiting = atrion.admit('db')
    atrion.close()
    atrion.close()
    expect(await waiting).toMatchObject({ allow: false, reason: 'closed' })
    expect(ticket.done()).toBe(false)
    expect(() => atrion.tryAdmit('db')).toThrow(expect.objectContaining({ code: 'KEELSON_CLOSED' }))
    await expect(atrion.admit('db')).rejects.toSatisfy(isClosedError)
    expect(() => atrion.getRoutes()).toThrow(expect.objectContaining({ code: 'KEELSON_CLOSED' }))
  })

  it('is closed with its system', async () => {
    const own = createSystem()
    const atrion = new Atrion({ system: own })
    await own.close()
    expect(() => atrion.tryAdmit('db')).toThrow(expect.objectContaining({ code: 'KEELSON_CLOSED' }))
    expect(() => new Atrion({ system: own })).toThrow(expect.objectContaining({ code: 'KEELSON_CLOSED' }))
  })

  it('always lets a trickle through, so that nothing stays shut', async () => {
    const atrion = gated({ limit: 1, maxQueue: 0 })
    admitted(atrion.tryAdmit('db')) // never done: its deadline is far away
    let through = 0
    for (let second = 0; second < 5; second++) {
      for (let request = 0; request < 10; request++) {
        const admission = atrion.tryAdmit('db')
        if (admission.allow) through++
        await system.clock.advance(100)
      }
    }
    expect(through).toBeGreaterThanOrEqual(4)
  })
})

describe('run', () => {
  it('returns what the work returns and frees the place', async () => {
    const atrion = gated({ limit: 1 })
    expect(await atrion.run('db', () => 5)).toBe(5)
    expect(await atrion.run('db', async ({ waitedMs }) => waitedMs)).toBe(0)
    expect(atrion.getState('db')?.gate).toMatchObject({ inFlight: 0, succeeded: 2 })
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('boom')
      },
    ],
    ['rejects', () => Promise.reject(new Error('boom'))],
  ])('frees the place when the work %s', async (_, work) => {
    const atrion = gated({ limit: 1 })
    await expect(atrion.run('db', work)).rejects.toThrow('boom')
    expect(atrion.getState('db')?.gate).toMatchObject({ inFlight: 0, failed: 1 })
    expect(system.clock.getPendingTimerCount()).toBeLessThanOrEqual(1)
  })

  it('does not count errors that are none of the route', async () => {
    const atrion = gated({ limit: 1 })
    const notFound = Object.assign(new Error('no such user'), { status: 404 })
    const isFailure = (error: unknown) => (error as { status?: number }).status !== 404
    await expect(atrion.run('db', () => Promise.reject(notFound), { isFailure })).rejects.toBe(notFound)
    expect(atrion.getState('db')?.gate).toMatchObject({ succeeded: 1, failed: 0 })
  })

  it('ends work that never ends at its timeout, and tells it', async () => {
    const atrion = gated({ limit: 1 })
    let told: unknown
    const running = atrion.run(
      'db',
      ({ signal }) => new Promise(() => signal.addEventListener('abort', () => (told = signal.reason))),
      { timeoutMs: 50 },
    )
    const failed = expect(running).rejects.toSatisfy(isTimeoutError)
    await system.clock.advance(50)
    await failed
    expect(isTimeoutError(told)).toBe(true)
    expect(atrion.getState('db')?.gate).toMatchObject({ inFlight: 0, failed: 1 })
  })

  describe('passes the caller’s abort on', () => {
    /** Work that is called off while it runs, and how it may settle. */
    async function calledOff(timeoutMs = 1000) {
      const atrion = gated({ limit: 1 })
      const controller = new AbortController()
      let resolve!: (value: number) => void
      let reject!: (reason: Error) => void
      const promise = new Promise<number>((...ends) => ([resolve, reject] = ends))
      let inner: AbortSignal | undefined
      const isFailure = vi.fn<() => boolean>(() => true)
      const running = atrion.run('db', ({ signal }) => ((inner = signal), promise), {
        signal: controller.signal,
        timeoutMs,
        isFailure,
      })
      await system.clock.advance(20)
      controller.abort(new Error('left'))
      await expect(running).rejects.toThrow('left')
      expect(inner?.aborted).toBe(true)
      return { gate: () => atrion.getState('db')?.gate, resolve, reject, isFailure }
    }
    const nothing = { inFlight: 0, succeeded: 0, failed: 0, timedOut: 0 }

    it.each(['resolves', 'rejects'] as const)(
      'and keeps the place until the work %s, which counts as nothing',
      async (how) => {
        const { gate, resolve, reject, isFailure } = await calledOff()
        await system.clock.advance(500)
        expect(gate()).toMatchObject({ inFlight: 1 })
        if (how === 'resolves') resolve(5)
        else reject(new Error('called off'))
        await system.clock.flush()
        expect(gate()).toMatchObject(nothing)
        expect(isFailure).not.toHaveBeenCalled()
        expect(system.clock.getPendingTimerCount()).toBeLessThanOrEqual(1)
      },
    )

    it('and frees the place of work that never settles when its time is over, as nothing', async () => {
      const { gate, resolve } = await calledOff()
      await system.clock.advance(978)
      expect(gate()).toMatchObject({ inFlight: 1 })
      await system.clock.advance(1)
      expect(gate()).toMatchObject(nothing)
      await system.clock.advance(1000)
      resolve(5)
      await system.clock.flush()
      expect(gate()).toMatchObject(nothing)
    })

    it('and learns how long callers stay', async () => {
      const atrion = gated({ limit: 8 })
      for (let call = 0; call < 4; call++) {
        const controller = new AbortController()
        const running = atrion.run('db', () => new Promise(() => {}), { signal: controller.signal })
        await system.clock.advance(20)
        controller.abort(new Error('left'))
        await expect(running).rejects.toThrow('left')
      }
      // Half of their patience, give or take what it fades, while nothing is known of the work.
      expect(atrion.getState('db')?.gate?.queueDeadlineMs).toBeCloseTo(10, 1)
    })
  })

  it('rejects with a ShedError when it is not let in', async () => {
    const atrion = gated({ limit: 1, maxQueue: 0 })
    admitted(atrion.tryAdmit('db'))
    spendTrickle(atrion, 'db')
    let ran = false
    const error = await atrion.run('db', () => (ran = true)).catch((reason: unknown) => reason)
    expect(isShedError(error) && [error.route, error.reason]).toEqual(['db', 'limit'])
    expect(ran).toBe(false)
  })

  it('keeps the caller’s async context', async () => {
    const storage = new AsyncLocalStorage<string>()
    const atrion = gated({ limit: 1, queueDeadlineMs: 1000 })
    const first = admitted(await atrion.admit('db'))
    spendTrickle(atrion, 'db')
    const seen = storage.run('request 7', () => atrion.run('db', () => storage.getStore()))
    await system.clock.advance(10)
    storage.run('somebody else', () => first.done())
    expect(await seen).toBe('request 7')
  })

  it('leaves no listener on a signal that is used again and again', async () => {
    const atrion = gated({ limit: 10 })
    const { signal } = new AbortController()
    const added = vi.spyOn(signal, 'addEventListener')
    const removed = vi.spyOn(signal, 'removeEventListener')
    for (let call = 0; call < 100; call++) await atrion.run('db', () => call, { signal })
    expect(removed.mock.calls.length).toBe(added.mock.calls.length)
  })
})

describe('bad input', () => {
  const refused = (field: string) => expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field })

  it.each([
    [{ priority: 'vip' }, 'options.priority'],
    [{ priority: NaN }, 'options.priority'],
    [{ priority: -5 }, 'options.priority'],
    [{ timeoutMs: 0 }, 'options.timeoutMs'],
    [{ timeoutMs: NaN }, 'options.timeoutMs'],
    [{ timeoutMs: -1 }, 'options.timeoutMs'],
    [{ maxWaitMs: 0 }, 'options.maxWaitMs'],
    [{ signal: {} }, 'options.signal'],
    [5, 'options'],
  ])('refuses the options %j, and takes no place', async (options, field) => {
    const atrion = gated({ limit: 1 })
    await expect(atrion.admit('db', options as never)).rejects.toEqual(refused(field))
    if (field !== 'options.maxWaitMs' && field !== 'options.signal') {
      expect(() => atrion.tryAdmit('db', options as never)).toThrow(refused(field))
    }
    expect(atrion.getRoutes()).toEqual([])
  })

  it('refuses work and outcomes that are none', async () => {
    const atrion = gated({ limit: 1 })
    await expect(atrion.run('db', 5 as never)).rejects.toEqual(refused('fn'))
    await expect(atrion.run('db', () => 1, { timeoutMs: -1 })).rejects.toEqual(refused('options.timeoutMs'))
    await expect(atrion.run('db', () => 1, { isFailure: 1 as never })).rejects.toEqual(refused('options.isFailure'))
    const ticket = admitted(atrion.tryAdmit('db'))
    expect(() => ticket.done({ ok: 'yes' as never })).toThrow(refused('outcome.ok'))
    expect(() => ticket.done(true as never)).toThrow(refused('outcome'))
    expect(ticket.done()).toBe(true)
  })
})
