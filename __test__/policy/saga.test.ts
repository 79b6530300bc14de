import * as fc from 'fast-check'
import { isSagaError, saga, type SagaStep } from 'keelson/effect'
import { describe, expect, it } from 'vitest'

import { boom } from '../support/policies.ts'
import { runsOf, same } from '../support/programs.ts'
import { held } from '../support/promises.ts'
import { rejection } from '../support/rejection.ts'

/** Returns a step that notes what is done, and fails where it is told to. */
const step = (log: string[], name: string, fails?: 'run' | 'compensate'): SagaStep<string> => ({
  name,
  run: () => {
    log.push(name)
    if (fails === 'run') throw boom
    return `result of ${name}`
  },
  compensate: async (result) => {
    await Promise.resolve()
    log.push(`undo ${name}: ${result}`)
    if (fails === 'compensate') throw boom
  },
})

describe('a saga', () => {
  it('runs its steps in order and resolves with their results', async () => {
    const seen: unknown[] = []
    const results = await saga([
      { name: 'one', run: () => 1 },
      { name: 'two', run: async ({ results: before }) => void seen.push(before) },
      { name: 'three', run: ({ results: before, signal }) => [before.length, signal.aborted] as const },
    ])
    expect([results, seen]).toEqual([[1, undefined, [2, false]], [[1]]])
    expect(await saga([])).toEqual([])
  })

  it('compensates what is done in reverse order, and names the step that failed', async () => {
    const log: string[] = []
    const error = await rejection(
      saga([step(log, 'a'), { name: 'b', run: () => 2 }, step(log, 'c'), step(log, 'd', 'run'), step(log, 'e')]),
    )
    expect(isSagaError(error)).toBe(true)
    expect(error).toMatchObject({ step: 'd', cause: boom, compensated: ['c', 'a'], failures: [] })
    expect(error.message).toBe('step d of the saga failed: boom')
    expect(log).toEqual(['a', 'c', 'd', 'undo c: result of c', 'undo a: result of a'])
  })

  it('tries all compensations, gathers their errors, and says why they run', async () => {
    const log: string[] = []
    const seen: unknown[] = []
    const last: SagaStep<number> = { name: 'z', run: () => 1, compensate: (...args) => void seen.push(args) }
    const steps = [step(log, 'a'), step(log, 'b', 'compensate'), last, step(log, 'c', 'run')] as const
    const error = await rejection(saga([...steps]))
    expect(error).toMatchObject({ step: 'c', compensated: ['z', 'a'], failures: [{ step: 'b', error: boom }] })
    expect(error.message).toContain('not compensated: b')
    expect(seen).toEqual([[1, { error: boom, failedStep: 'c' }]])
  })

  it('stops at an abort, once the running step has ended, and compensates that one too', async () => {
    const log: string[] = []
    const controller = new AbortController()
    const running = held<string>()
    const call = rejection(
      saga([step(log, 'a'), { ...step(log, 'b'), run: running.task }, step(log, 'c')], { signal: controller.signal }),
    )
    await Promise.resolve()
    await Promise.resolve()
    controller.abort(boom)
    running.resolve('late')
    expect(await call).toMatchObject({ step: 'c', cause: boom, compensated: ['b', 'a'] })
    expect(log).toEqual(['a', 'undo b: late', 'undo a: result of a'])
    const before = await rejection(saga([step(log, 'x')], { signal: AbortSignal.abort(boom) }))
    expect([before.step, log.includes('x')]).toEqual(['x', false])
    const during = new AbortController()
    const run = (): string => {
      during.abort(boom)
      return 'y'
    }
    const ending = { ...step(log, 'y'), run }
    expect(await rejection(saga([ending], { signal: during.signal }))).toMatchObject({ step: 'y', compensated: ['y'] })
  })

  it('refuses wrong steps and options by name before it runs anything', async () => {
    let runs = 0
    const good = { name: 'good', run: () => ++runs }
    const refused: [unknown, unknown, string][] = [
      [5, undefined, 'steps'],
      [[good, null], undefined, 'steps[1]'],
      [[good, { run: () => 1 }], undefined, 'steps[1].name'],
      [[good, { name: 'good', run: () => 1 }], undefined, 'steps[1].name'],
      [[good, { name: 'b', run: 1 }], undefined, 'steps[1].run'],
      [[good, { name: 'b', run: () => 1, compensate: 1 }], undefined, 'steps[1].compensate'],
      [[good, { name: 'b', run: () => 1, compensat: () => 1 }], undefined, 'steps[1].compensat'],
      [[good], { signal: 5 }, 'options.signal'],
      [[good], { signl: 5 }, 'options.signl'],
    ]
    for (const [steps, options, field] of refused) {
      expect(await rejection(saga(steps as never, options as never))).toMatchObject({ field })
    }
    expect(runs).toBe(0)
  })

  it('leaves nothing undone that can be undone, whatever fails', async () => {
    const failure = fc.constantFrom(undefined, undefined, undefined, 'run' as const, 'compensate' as const)
    await fc.assert(
      fc.asyncProperty(fc.array(failure, { maxLength: 8 }), async (failures) => {
        const log: string[] = []
        const outcome = await rejection(saga(failures.map((fails, index) => step(log, `${index}`, fails))))
        const at = failures.indexOf('run')
        const ran = at < 0 ? failures.length : at
        if (at < 0) same(outcome.resolved.length, failures.length)
        else {
          const undone = Array.from({ length: ran }, (_, index) => `${ran - 1 - index}`)
          same(
            log.slice(ran + 1),
            undone.map((name) => `undo ${name}: result of ${name}`),
          )
          same(
            outcome.compensated,
            undone.filter((name) => failures[Number(name)] !== 'compensate'),
          )
          same(outcome.compensated.length + outcome.failures.length, ran)
        }
      }),
      runsOf('sagas', 300),
    )
  })
})
