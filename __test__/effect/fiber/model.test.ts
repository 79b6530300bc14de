// Random trees of fibres against the one rule: a finaliser runs exactly once, in reverse order, after everything that it
// protects has stopped; and when a run has ended, nothing of it is left.
import * as fc from 'fast-check'
import { createControlledClock } from 'keelson/clock'
import {
  acquireUseRelease,
  all,
  bulkhead,
  circuitBreaker,
  type Effect,
  effect,
  fail,
  hedge,
  type Policy,
  race,
  retry,
  sleep,
  succeed,
  timeout,
  wrap,
} from 'keelson/effect'
import { createSystem } from 'keelson/system'
import { leaksOf } from 'keelson/testing'
import { expect, it } from 'vitest'

import { runsOf } from '../../support/programs.ts'

type Plan =
  | { readonly kind: 'sleep' | 'stubborn' | 'inside'; readonly ms: number }
  | { readonly kind: 'fail' }
  | { readonly kind: 'hostile' | 'returned'; readonly which: number }
  | { readonly kind: 'listening'; readonly ms: number }
  | { readonly kind: 'resource' | 'scope' | 'cleanup'; readonly ms: number; readonly part: Plan }
  | { readonly kind: 'timeout' | 'retry' | 'policy'; readonly ms: number; readonly part: Plan }
  | { readonly kind: 'fork'; readonly part: Plan; readonly next: Plan }
  | { readonly kind: 'sequence' | 'all' | 'race' | 'bounded'; readonly parts: readonly Plan[] }

const { proxy: revoked, revoke } = Proxy.revocable({}, {})
revoke()
const fails = {
  get(): never {
    throw new Error('a getter')
  },
}
/** Hostile values that a function may throw or return as well. */
const HOSTILE: readonly unknown[] = [
  undefined,
  null,
  Symbol('x'),
  Object.create(null),
  revoked,
  Object.defineProperty({}, '_tag', fails),
  Object.defineProperty({ _tag: 'Ok' }, 'value', fails),
  Object.defineProperty({ _tag: 'Err' }, 'error', fails),
  Object.defineProperty({}, 'then', fails),
]

const ms = fc.integer({ min: 0, max: 20 })
const { plan } = fc.letrec<{ plan: Plan }>((tie) => {
  const part = tie('plan')
  const parts = fc.array(part, { minLength: 1, maxLength: 3 })
  return {
    plan: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.record({ kind: fc.constantFrom('sleep' as const, 'stubborn' as const, 'inside' as const), ms }),
      fc.record({ kind: fc.constant('fail' as const) }),
      fc.record({ kind: fc.constantFrom('hostile' as const, 'returned' as const), which: fc.nat(HOSTILE.length - 1) }),
      fc.record({ kind: fc.constant('listening' as const), ms }),
      fc.record({ kind: fc.constantFrom('resource' as const, 'scope' as const, 'cleanup' as const), ms, part }),
      fc.record({ kind: fc.constantFrom('timeout' as const, 'retry' as const, 'policy' as const), ms, part }),
      fc.record({ kind: fc.constant('fork' as const), part, next: part }),
      fc.record({
        kind: fc.constantFrom('sequence' as const, 'all' as const, 'race' as const, 'bounded' as const),
        parts,
      }),
    ),
  }
})

/** A finaliser as the model sees it. */
interface Protection {
  readonly number: number
  readonly within: readonly Protection[]
  begun: number
  ended: number
}

/** Runs a plan, and collects what breaks the rule. */
class Model {
  readonly faults: string[] = []
  readonly protections: Protection[] = []
  readonly clock = createControlledClock({ stallAfterMs: 0 })
  readonly reported: unknown[] = []
  /** The errors that callbacks threw. Each is reported once. */
  readonly thrown: unknown[] = []
  readonly system = createSystem({ clock: this.clock, seed: 1, onError: (error) => this.reported.push(error) })
  readonly bulkhead = bulkhead({ system: this.system, limit: 1, queue: 1, queueTimeoutMs: 15 })

  make(part: Plan, within: readonly Protection[]): Effect<unknown, unknown> {
    const use = effect(() => this.#used(within))
    switch (part.kind) {
      case 'sleep':
        return use.flatMap(() => sleep(part.ms)).flatMap(() => use)
      case 'stubborn':
        return effect(async () => {
          await this.clock.sleep(part.ms)
          this.#used(within)
        })
      case 'inside':
        return effect(async () => {
          await sleep(part.ms).unsafeRunPromise()
          await sleep(part.ms).unsafeRunPromise()
          this.#used(within)
        })
      case 'fail':
        return fail('planned')
      case 'hostile':
        return effect(() => {
          throw HOSTILE[part.which]
        })
      case 'returned':
        return effect(() => HOSTILE[part.which])
      case 'listening':
        return this.#listening(part.ms, within)
      case 'resource':
        return this.#resource(part.ms, part.part, within)
      case 'scope':
        return this.#scoped(part.ms, part.part, within)
      case 'cleanup':
        return this.make(part.part, within).onInterrupt(() => sleep(part.ms).flatMap(() => use))
      case 'timeout':
        return this.make(part.part, within).timeout(part.ms)
      case 'retry':
        return this.make(part.part, within).retry({ maxAttempts: 2, baseDelayMs: part.ms })
      case 'policy':
        return this.make(part.part, within).withPolicy(this.#policy(part.ms))
      case 'fork':
        return this.make(part.part, within)
          .catch(() => succeed('failed in the background'))
          .fork()
          .flatMap(() => this.make(part.next, within))
      case 'sequence':
        return part.parts
          .map((each) => this.make(each, within))
          .reduce((before, next) => before.catch(() => succeed(1)).flatMap(() => next))
      case 'all':
      case 'bounded':
        return all(
          part.parts.map((each) => this.make(each, within)),
          part.kind === 'bounded' ? { concurrency: 2 } : {},
        )
      case 'race':
        return race(part.parts.map((each) => this.make(each, within)))
    }
  }

  /** Hears of its interrupt by callbacks that throw, leave and come meanwhile. */
  #listening(time: number, within: readonly Protection[]): Effect<unknown, unknown> {
    return effect(async ({ cancel }) => {
      let told = 0
      const throws = (): never => {
        const error = new Error('a callback of onCancel')
        this.thrown.push(error)
        throw error
      }
      cancel.onCancel(() => leave())
      cancel.onCancel(throws)
      const leave = cancel.onCancel(() => this.faults.push('told after it had left'))
      cancel.onCancel(async () => throws())
      cancel.onCancel(() => {
        if (++told > 1) this.faults.push('told twice')
        cancel.onCancel(throws)
      })
      await sleep(time).run()
      this.#used(within)
    })
  }

  #policy(time: number): Policy {
    const { system } = this
    const policies = [
      timeout(time + 1, { system }),
      timeout(time + 1, { system, strategy: 'cooperative' }),
      retry({ system, maxAttempts: 2, backoff: time }),
      hedge({ system, afterMs: time + 1 }),
      circuitBreaker({ system, consecutive: 1, openForMs: time + 1 }),
      // Shared by all that meet it, and one may stand in another: it has to refuse, or they would wait for each other.
      this.bulkhead,
    ] as const
    const chosen = policies[time % policies.length] as Policy
    return time % 2 === 0 ? chosen : wrap(retry({ system, maxAttempts: 2, backoff: time }), chosen)
  }

  #resource(delay: number, part: Plan, within: readonly Protection[]): Effect<unknown, unknown> {
    // Each run acquires one of its own, so the use is made when the acquisition has ended.
    return acquireUseRelease(
      sleep(delay).map(() => this.#protect(within)),
      (protection) => this.make(part, [...within, protection]),
      (protection) => this.#finalize(protection, delay),
    )
  }

  #scoped(delay: number, part: Plan, within: readonly Protection[]): Effect<unknown, unknown> {
    const opened = effect((env) => {
      const outer = this.#protect(within)
      env.scope.push(() => this.#finalize(outer, delay))
      const inner = this.#protect([...within, outer])
      env.scope.push(async () => this.#finalize(inner, 0).run())
      return [...within, outer, inner]
    })
    // A child, so that its scope ends with it.
    return opened.flatMap((protections) => this.make(part, protections as Protection[])).repeat(1)
  }

  #protect(within: readonly Protection[]): Protection {
    const protection = { number: this.protections.length, within, begun: 0, ended: 0 }
    this.protections.push(protection)
    this.#used(within)
    return protection
  }

  #finalize(protection: Protection, delay: number): Effect<unknown, void> {
    return effect(() => {
      protection.begun++
      this.#used(protection.within)
      const open = this.protections.filter(({ within, ended }) => within.includes(protection) && ended === 0)
      if (open.length > 0) this.faults.push(`${protection.number} before ${open.map(({ number }) => number).join()}`)
    })
      .flatMap(() => sleep(delay))
      .map(() => {
        this.#used(protection.within)
        protection.ended++
      })
  }

  #used(within: readonly Protection[]): void {
    for (const { begun, number } of within) if (begun > 0) this.faults.push(`${number} used after its finaliser began`)
  }
}

it('holds for random trees, with an interrupt at a random time', async () => {
  await fc.assert(
    fc.asyncProperty(plan, fc.option(fc.integer({ min: 0, max: 60 })), async (given, interruptAt) => {
      const model = new Model()
      const { clock, system } = model
      const controller = new AbortController()
      let ended = 0
      const run = model.make(given, []).unsafeRunPromise({ system, signal: controller.signal })
      void run.then(() => {
        // What the tree protects is released when the run has ended, and not later.
        ended = model.protections.filter((protection) => protection.ended === 1).length
      })
      if (interruptAt !== null) {
        await clock.advance(interruptAt)
        controller.abort('stop')
      }
      let over = false
      void run.then(() => {
        over = true
      })
      // oxlint-disable-next-line no-unmodified-loop-condition -- the end of the run sets it
      for (let round = 0; round < 20 && !over; round++) await clock.advance(1000)
      // A run that hangs says who waits for whom.
      expect(over ? [] : leaksOf(system)).toEqual([])
      const left = leaksOf(system).filter((line) => !/^a timer: sleep, |it was given up/.test(line))
      // What fails after a policy has given it up is told to the owner.
      const late = new Set<unknown>(['planned', ...HOSTILE])
      const reported = model.reported.filter((error) => !late.has(error))
      expect({ faults: model.faults, left, reported: new Set(reported) }).toEqual({
        faults: [],
        left: [],
        reported: new Set(model.thrown),
      })
      expect(reported).toHaveLength(model.thrown.length)
      expect(model.protections.map(({ begun, ended: done }) => [begun, done])).toEqual(
        model.protections.map(() => [1, 1]),
      )
      expect(ended).toBe(model.protections.length)
      await system.close()
      clock.close()
    }),
    runsOf('effect trees', 400),
  )
})

it('holds when the system closes in the middle', async () => {
  await fc.assert(
    fc.asyncProperty(plan, fc.integer({ min: 0, max: 40 }), async (given, closeAt) => {
      const model = new Model()
      const { clock, system } = model
      const run = model.make(given, []).unsafeRunPromise({ system })
      await clock.advance(closeAt)
      await system.close()
      await run
      expect(model.faults).toEqual([])
      expect(model.protections.map(({ begun, ended }) => [begun, ended])).toEqual(model.protections.map(() => [1, 1]))
      clock.close()
    }),
    runsOf('effect trees of a system that closes', 200),
  )
})
