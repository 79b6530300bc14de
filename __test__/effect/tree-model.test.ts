// Random trees of fibres against the one rule: a finaliser runs exactly once, in reverse order, after everything that it
// protects has stopped; and when a run has ended, nothing of it is left.
import * as fc from 'fast-check'
import { createControlledClock } from 'keelson/clock'
import { acquireUseRelease, all, type Effect, effect, fail, race, sleep, succeed } from 'keelson/effect'
import { createSystem } from 'keelson/system'
import { leaksOf } from 'keelson/testing'
import { expect, it } from 'vitest'

type Plan =
  | { readonly kind: 'sleep' | 'stubborn' | 'inside'; readonly ms: number }
  | { readonly kind: 'fail' }
  | { readonly kind: 'resource' | 'scope' | 'cleanup'; readonly ms: number; readonly part: Plan }
  | { readonly kind: 'timeout' | 'retry'; readonly ms: number; readonly part: Plan }
  | { readonly kind: 'fork'; readonly part: Plan; readonly then: Plan }
  | { readonly kind: 'sequence' | 'all' | 'race' | 'bounded'; readonly parts: readonly Plan[] }

const ms = fc.integer({ min: 0, max: 20 })
const { plan } = fc.letrec<{ plan: Plan }>((tie) => {
  const part = tie('plan')
  const parts = fc.array(part, { minLength: 1, maxLength: 3 })
  return {
    plan: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.record({ kind: fc.constantFrom('sleep' as const, 'stubborn' as const, 'inside' as const), ms }),
      fc.record({ kind: fc.constant('fail' as const) }),
      fc.record({ kind: fc.constantFrom('resource' as const, 'scope' as const, 'cleanup' as const), ms, part }),
      fc.record({ kind: fc.constantFrom('timeout' as const, 'retry' as const), ms, part }),
      fc.record({ kind: fc.constant('fork' as const), part, then: part }),
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
  readonly system = createSystem({ clock: this.clock, seed: 1, onError: (error) => this.reported.push(error) })

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
      case 'fork':
        return this.make(part.part, within)
          .catch(() => succeed('failed in the background'))
          .fork()
          .flatMap(() => this.make(part.then, within))
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
      for (let round = 0; round < 20 && !over; round++) await clock.advance(1000)
      // A run that hangs says who waits for whom.
      expect(over ? [] : leaksOf(system)).toEqual([])
      const left = leaksOf(system).filter((line) => !line.startsWith('a timer: sleep, '))
      expect({ faults: model.faults, left, reported: model.reported }).toEqual({ faults: [], left: [], reported: [] })
      expect(model.protections.map(({ begun, ended: done }) => [begun, done])).toEqual(
        model.protections.map(() => [1, 1]),
      )
      expect(ended).toBe(model.protections.length)
      await system.close()
      clock.close()
    }),
    { numRuns: 400 },
  )
}, 60_000)

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
    { numRuns: 200 },
  )
}, 60_000)
