import { getEventListeners } from 'node:events'
import * as fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createCancelToken, createControlledClock, effect, timeout } from 'keelson'
import type { CancelToken } from 'keelson'
import { Reach, runsOf } from '../support/programs.ts'
import { systemWith } from '../support/system.ts'

/** The operation of a waiting callback when its signal aborts. */
type Manner = 'plain' | 'throws' | 'rejects' | 'startsAnother' | 'endsAnother'
type Step =
  | { readonly do: 'sleep' | 'deadline' | 'policy'; readonly ms: number }
  | { readonly do: 'effect'; readonly manner: Manner; readonly which: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'abort' }

const ms = fc.integer({ min: 1, max: 20 })
const manner = fc.constantFrom<Manner>('plain', 'throws', 'rejects', 'startsAnother', 'endsAnother')
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('sleep', 'deadline', 'policy'), ms }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('effect' as const), manner, which: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms }) },
  { weight: 1, arbitrary: fc.constant({ do: 'abort' as const }) },
)
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
const REASON = new Error('enough')

describe('waits on one signal', () => {
  it('are told once and all, whoever of them throws, ends another or starts another', async () => {
    const reach = new Reach()
    const run = async (steps: readonly Step[]): Promise<void> => {
      const reported: unknown[] = []
      const { clock, system } = systemWith((error) => reported.push(error))
      const controller = new AbortController()
      const { signal } = controller
      const outcomes: string[] = []
      const expected: string[] = []
      const ends: (() => void)[] = []
      let errors = 0
      const follow = (wait: Promise<unknown>): void => {
        const index = outcomes.push('pending') - 1
        wait.then(
          () => (outcomes[index] = `${outcomes[index] === 'pending' ? '' : 'twice '}done`),
          (error: unknown) => {
            const why = error === REASON || (error as { cause?: unknown }).cause === REASON ? 'aborted' : String(error)
            outcomes[index] = `${outcomes[index] === 'pending' ? '' : 'twice '}${why}`
          },
        )
      }
      const names: string[] = []
      const due: number[] = []
      const begin = (at: number, wait: Promise<unknown>): void => {
        follow(wait)
        due.push(at)
        expected.push(signal.aborted ? 'aborted' : 'pending')
      }
      for (const one of steps) {
        names.push(one.do)
        if (one.do === 'sleep') begin(clock.monoMs() + one.ms, clock.sleep(one.ms, { signal }))
        else if (one.do === 'deadline') {
          begin(clock.monoMs() + one.ms, clock.deadline({ wallMs: clock.monoMs() + one.ms }, { signal }))
        } else if (one.do === 'policy') {
          begin(
            clock.monoMs() + one.ms,
            timeout(1e6, { system }).execute(() => clock.sleep(one.ms), { signal }),
          )
        } else if (one.do === 'effect') {
          let end = (): void => undefined
          const wait = effect(
            ({ cancel }) =>
              new Promise<void>((resolve) => {
                end = resolve
                cancel.onCancel(() => {
                  reach.fault(one.manner)
                  if (one.manner === 'throws') {
                    errors++
                    throw new Error('thrown by a listener')
                  }
                  if (one.manner === 'rejects') {
                    errors++
                    return Promise.reject(new Error('rejected by a listener'))
                  }
                  if (one.manner === 'startsAnother') begin(Infinity, clock.sleep(5, { signal }))
                  if (one.manner === 'endsAnother') ends[one.which % ends.length]?.()
                  return undefined
                })
              }),
          ).run({ system, signal })
          begin(Infinity, wait)
          ends.push(end)
        } else if (one.do === 'advance') {
          await clock.advance(one.ms)
          for (const [index, at] of due.entries()) {
            if (expected[index] === 'pending' && at <= clock.monoMs()) expected[index] = 'done'
          }
        } else if (!signal.aborted) {
          for (const [index, what] of expected.entries()) if (what === 'pending') expected[index] = 'aborted'
          controller.abort(REASON)
        }
        await turn()
        await turn()
        expect(outcomes).toEqual(expected)
        const pending = expected.filter((what) => what === 'pending').length
        expect(getEventListeners(signal, 'abort')).toHaveLength(signal.aborted || pending === 0 ? 0 : 1)
      }
      reach.program(names)
      expect(reported).toHaveLength(errors)
      controller.abort(REASON)
      await system.close()
    }
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 50, size: 'max' }), run), {
      ...runsOf('waits on one signal', 300),
      ...(process.env['KEELSON_PROGRAMS'] ? {} : { seed: 7 }),
    })
    reach.print('waits on one signal')
  })

  it('ten thousand of them print no warning', async () => {
    const warnings: Error[] = []
    const warned = (warning: Error): void => void warnings.push(warning)
    process.on('warning', warned)
    onTestFinished(() => void process.off('warning', warned))
    const clock = createControlledClock({ trace: false })
    const { signal } = new AbortController()
    const waits = Array.from({ length: 10_000 }, () => clock.sleep(1, { signal }))
    await clock.advance(1)
    await Promise.all(waits)
    await turn()
    expect(warnings.filter(({ name }) => name === 'MaxListenersExceededWarning')).toEqual([])
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

type TokenStep =
  | { readonly do: 'child'; readonly of: number }
  | { readonly do: 'listen'; readonly to: number; readonly manner: Manner | 'cancelsAnother'; readonly which: number }
  | { readonly do: 'leave'; readonly which: number }
  | { readonly do: 'cancel'; readonly which: number }
const index = fc.nat(60)
const tokenStep: fc.Arbitrary<TokenStep> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('child' as const), of: index }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('listen' as const),
      to: index,
      manner: fc.constantFrom('plain', 'throws', 'rejects', 'startsAnother', 'endsAnother', 'cancelsAnother' as const),
      which: index,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), which: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: index }) },
)

interface Listener {
  readonly token: number
  called: number
  /** It was there when its token was cancelled, or came later; undefined while neither is so. */
  left: boolean
  leave: () => void
}

it('callbacks of cancel tokens are called once each, whoever of them throws, leaves, comes or cancels', async () => {
  const reach = new Reach()
  const run = async (steps: readonly TokenStep[]): Promise<void> => {
    const tokens: { token: CancelToken; parent: number }[] = [{ token: createCancelToken(), parent: -1 }]
    const listeners: Listener[] = []
    const isCancelled = (at: number): boolean =>
      at >= 0 && (cancelled.has(at) || isCancelled((tokens[at] as { parent: number }).parent))
    const cancelled = new Set<number>()
    const listen = (to: number, act: () => unknown): void => {
      const listener: Listener = { token: to, called: 0, left: false, leave: () => undefined }
      listeners.push(listener)
      listener.leave = (tokens[to] as { token: CancelToken }).token.onCancel(() => {
        listener.called++
        return act()
      })
    }
    const end = (listener: Listener): void => {
      // One that was called has nothing left to end.
      if (listener.called === 0) listener.left = true
      listener.leave()
    }
    for (const one of steps) {
      if (one.do === 'child') {
        const parent = one.of % tokens.length
        tokens.push({ token: createCancelToken((tokens[parent] as { token: CancelToken }).token), parent })
      } else if (one.do === 'listen') {
        const { manner: how, which } = one
        listen(one.to % tokens.length, () => {
          reach.fault(how)
          if (how === 'throws') throw new Error('thrown by a callback')
          if (how === 'rejects') return Promise.reject(new Error('rejected by a callback'))
          if (how === 'startsAnother') listen(which % tokens.length, () => undefined)
          if (how === 'endsAnother') end(listeners[which % listeners.length] as Listener)
          if (how === 'cancelsAnother') {
            const other = which % tokens.length
            cancelled.add(other)
            ;(tokens[other] as { token: CancelToken }).token.cancel('by another')
          }
          return undefined
        })
      } else if (one.do === 'leave') {
        const listener = listeners[one.which % Math.max(listeners.length, 1)]
        if (listener !== undefined) end(listener)
      } else {
        const at = one.which % tokens.length
        cancelled.add(at)
        ;(tokens[at] as { token: CancelToken }).token.cancel('by hand')
      }
      for (const { token, called, left } of listeners) {
        expect(called).toBe(isCancelled(token) && !left ? 1 : 0)
      }
    }
    reach.program(steps.map((one) => one.do))
    await turn()
  }
  // Errors of callbacks have the default system as their owner, which warns.
  const warned = vi.spyOn(process, 'emitWarning').mockReturnValue()
  onTestFinished(() => warned.mockRestore())
  await fc.assert(fc.asyncProperty(fc.array(tokenStep, { minLength: 10, maxLength: 50, size: 'max' }), run), {
    ...runsOf('cancel tokens', 300),
    ...(process.env['KEELSON_PROGRAMS'] ? {} : { seed: 7 }),
  })
  reach.print('cancel tokens')
})
