import { Atrion, type ShedError } from 'keelson'
import { admit, bulkhead, fallback, retry, timeout, wrap } from 'keelson/effect'
import { describe, expect, it } from 'vitest'

import { boom, failing, forever, useWorld } from '../support/policies.ts'
import { rejection } from '../support/rejection.ts'

const world = useWorld()

describe('a fallback', () => {
  it('gives a value, or what a function makes of the error, instead of a failure', async () => {
    const { system } = world
    expect(await fallback('else', { system }).execute(failing)).toBe('else')
    const made = fallback(async (error) => [error], { system })
    expect(await made.execute(failing)).toEqual([boom])
    expect(await made.execute(() => 'fine' as never)).toBe('fine')
    expect(made.stats).toEqual({ succeeded: 1, failed: 0, replaced: 1 })
    const empty = fallback(null, { system, whenResult: (value) => value === undefined })
    expect(await empty.execute(() => undefined as never)).toBe(null)
  })

  it('is for the errors it is meant for, and its own failure is the call’s', async () => {
    const { system } = world
    const other = new Error('other')
    expect(await rejection(fallback(1, { system, when: (error) => error === other }).execute(failing))).toBe(boom)
    const worse = fallback(
      () => {
        throw other
      },
      { system },
    )
    expect(await rejection(worse.execute(failing))).toBe(other)
  })

  it('is not for a call that its caller gave up, and is for one that took too long', async () => {
    const { system } = world
    const controller = new AbortController()
    const policy = wrap(fallback('else', { system }), timeout(100, { system }))
    const call = rejection(policy.execute(forever, { signal: controller.signal }))
    controller.abort('enough')
    expect(await call).toBe('enough')
    const late = policy.execute(forever)
    await world.clock.advance(100)
    expect(await late).toBe('else')
  })
})

describe('admission as a policy', () => {
  it('runs under `atrion.run`: tickets are counted, refusals are its own', async () => {
    const { system } = world
    const atrion = new Atrion({
      system,
      admission: { limit: 1, maxQueue: 0, tricklePerSecond: 0.001, trickleShare: 0 },
    })
    const policy = admit(atrion, 'db', { system, priority: 'critical' })
    expect(await policy.execute(({ attempt }) => attempt)).toBe(1)
    const errors: unknown[] = []
    const running = new AbortController()
    const calls = Array.from({ length: 30 }, () =>
      policy.execute(forever, { signal: running.signal }).catch((error: unknown) => errors.push(error)),
    )
    await world.clock.flush()
    expect((errors[0] as ShedError).code).toBe('KEELSON_SHED')
    running.abort('enough')
    await Promise.all(calls)
    expect(errors).toContain('enough')
    await atrion.disconnect()
    atrion.close()
  })

  it('passes on its own timeout to what waits inside it', async () => {
    const { system } = world
    const atrion = new Atrion({ system })
    const inner = bulkhead({ system, limit: 1, queue: 5 })
    const policy = wrap(admit(atrion, 'db', { system, timeoutMs: 100 }), inner)
    const first = rejection(inner.execute(() => world.clock.sleep(1000)))
    const waiting = rejection(policy.execute(() => 1))
    await world.clock.advance(100)
    expect(await waiting).toMatchObject({ code: 'KEELSON_TIMEOUT' })
    expect(inner.stats.queued).toBe(0)
    await world.clock.advance(1000)
    await first
    atrion.close()
  })

  it('stands in a stack with others, of this library or another', async () => {
    const { system } = world
    const seen: string[] = []
    const foreign = {
      execute: async <T>(
        task: (context: { signal: AbortSignal; attempt: number }) => T | PromiseLike<T>,
      ): Promise<T> => {
        seen.push('in')
        try {
          return await task({ signal: new AbortController().signal, attempt: 9 })
        } finally {
          seen.push('out')
        }
      },
    }
    const policy = wrap(retry({ system, backoff: 0 }), foreign, timeout(100, { system }))
    let runs = 0
    expect(await policy.execute(({ attempt }) => (++runs < 2 ? failing() : attempt))).toBe(9)
    expect(seen).toEqual(['in', 'out', 'in', 'out'])
  })
})
