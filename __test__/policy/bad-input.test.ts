import { isInvalidArgumentError } from 'keelson'
import * as policies from 'keelson/effect'
import { describe, expect, it } from 'vitest'

import { useWorld } from '../support/policies.ts'
import { rejection } from '../support/rejection.ts'

const world = useWorld()
const { admit, bulkhead, circuitBreaker, fallback, hedge, repeat, retry, retryBudget, schedule, timeout, wrap } =
  policies as unknown as Record<
    string,
    (...args: unknown[]) => { execute: (...args: unknown[]) => Promise<unknown> }
  > & {
    schedule: Record<string, (...args: unknown[]) => unknown>
  }
const make = { admit, bulkhead, circuitBreaker, fallback, hedge, repeat, retry, retryBudget, timeout, wrap } as Record<
  string,
  (...args: unknown[]) => unknown
>

/** The field that is refused. */
function field(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (isInvalidArgumentError(error)) return error.field
    throw error
  }
  return 'accepted'
}

const noMillis = [NaN, -1, 0, Infinity, '5', null, {}, 9e15]
const noCount = [NaN, -1, 0, 1.5, Infinity, '5', null]
const noFunction = [1, 'when', null, {}]
const admission = { run: () => undefined }
const [before, saved] = [{ limit: 1 }, { version: 1, savedAtMs: 0, state: 'closed', opens: 0 }]

/** Policy, arguments before the options, the options that are fine, the option, and what it must not be. */
const refused: [string, unknown[], object, string, unknown[]][] = [
  ['timeout', [5], {}, 'strategy', ['soft', 1, null]],
  ['retry', [], {}, 'maxAttempts', noCount],
  ['retry', [], {}, 'backoff', [NaN, -1, Infinity, 'fast', null, {}, 9e15]],
  ['retry', [], {}, 'maxDelayMs', noMillis],
  ['retry', [], {}, 'budget', [1, null, {}]],
  ...['when', 'whenResult', 'delayFrom'].map((name) => ['retry', [], {}, name, noFunction] as never),
  ['retryBudget', [], {}, 'ratio', [NaN, -1, Infinity, '5', null]],
  ['retryBudget', [], {}, 'minPerSecond', [NaN, -1, Infinity, '5', null]],
  ['retryBudget', [], {}, 'burst', [NaN, -1, 0, 0.5, Infinity, '5', null]],
  ['repeat', [], { every: 1 }, 'times', noCount],
  ['repeat', [], {}, 'every', [undefined, NaN, -1, Infinity, 'fast', null, {}]],
  ['repeat', [], { every: 1 }, 'until', noFunction],
  ['circuitBreaker', [], {}, 'consecutive', noCount],
  ['circuitBreaker', [], {}, 'failureRatio', [NaN, -1, 0, 1.1, '0.5', null]],
  ['circuitBreaker', [], { failureRatio: 0.5 }, 'calls', noCount],
  ['circuitBreaker', [], { failureRatio: 0.5 }, 'windowMs', noMillis],
  ['circuitBreaker', [], { failureRatio: 0.5 }, 'minimumCalls', [...noCount, 101]],
  ['circuitBreaker', [], { failureRatio: 0.5 }, 'consecutive', [5]],
  ['circuitBreaker', [], { failureRatio: 0.5, windowMs: 5 }, 'calls', [5]],
  ...['calls', 'windowMs', 'minimumCalls'].map((name) => ['circuitBreaker', [], {}, name, [5]] as never),
  ['circuitBreaker', [], {}, 'slowAfterMs', noMillis],
  ['circuitBreaker', [], {}, 'openForMs', [NaN, -1, 0, Infinity, '5', null, 9e15]],
  ...['isFailure', 'isFailureResult'].map((name) => ['circuitBreaker', [], {}, name, noFunction] as never),
  ['bulkhead', [], {}, 'limit', [undefined, ...noCount]],
  ['bulkhead', [], before, 'queue', [NaN, -1, 1.5, -Infinity, '5', null]],
  ['bulkhead', [], before, 'priority', [NaN, Infinity, '5', null, {}]],
  ['bulkhead', [], before, 'latencyWindowMs', noMillis],
  ['bulkhead', [], before, 'queueTimeoutMs', noMillis],
  ['hedge', [], {}, 'afterMs', [undefined, ...noMillis]],
  ['hedge', [], { afterMs: 5 }, 'percentile', [NaN, 0, 1, -1, 2, '0.5', null]],
  ['hedge', [], { afterMs: 5 }, 'max', [...noCount, 1]],
  ['hedge', [], { afterMs: 5 }, 'budget', [1, null, {}]],
  ...['when', 'whenResult'].map((name) => ['fallback', [1], {}, name, noFunction] as never),
  ['admit', [admission, 'db'], {}, 'timeoutMs', noMillis],
  ['admit', [admission, 'db'], {}, 'isFailure', noFunction],
]
const nested: [string, object, string][] = [
  ['circuitBreaker', { halfOpen: { probes: 0 } }, 'options.halfOpen.probes'],
  ['circuitBreaker', { halfOpen: { successes: NaN } }, 'options.halfOpen.successes'],
  ['circuitBreaker', { halfOpen: { failures: -1 } }, 'options.halfOpen.failures'],
  ['circuitBreaker', { halfOpen: { timeoutMs: 0 } }, 'options.halfOpen.timeoutMs'],
  ['circuitBreaker', { halfOpen: { probe: 1 } }, 'options.halfOpen.probe'],
  ['circuitBreaker', { halfOpen: 1 }, 'options.halfOpen'],
  ['circuitBreaker', { openForMs: {} }, 'options.openForMs.initialMs'],
  ['circuitBreaker', { openForMs: { initialMs: NaN } }, 'options.openForMs.initialMs'],
  ['circuitBreaker', { openForMs: { initialMs: 5, factor: 0.5 } }, 'options.openForMs.factor'],
  ['circuitBreaker', { openForMs: { initialMs: 5, maxMs: 4 } }, 'options.openForMs.maxMs'],
  ['circuitBreaker', { openForMs: { initialMs: 5, maxMs: null } }, 'options.openForMs.maxMs'],
  ['circuitBreaker', { openForMs: { initialMs: 5, jitter: 1.1 } }, 'options.openForMs.jitter'],
  ['circuitBreaker', { openForMs: { initialMs: 5, max: 9 } }, 'options.openForMs.max'],
  ['circuitBreaker', { state: {} }, 'state.version'],
  ['circuitBreaker', { state: 'open' }, 'state'],
  ['circuitBreaker', { state: { ...saved, state: 'half' } }, 'state.state'],
  ['circuitBreaker', { state: { ...saved, savedAtMs: NaN } }, 'state.savedAtMs'],
  ['circuitBreaker', { state: { ...saved, opens: -1 } }, 'state.opens'],
  ['circuitBreaker', { state: { ...saved, state: 'open', openForMs: -1 } }, 'state.openForMs'],
  ['circuitBreaker', { state: { ...saved, state: 'open', openForMs: 1, openUntilMs: NaN } }, 'state.openUntilMs'],
  ['circuitBreaker', { state: saved }, 'state.evidence'],
  [
    'circuitBreaker',
    { state: { ...saved, evidence: { kind: 'consecutive', failures: NaN } } },
    'state.evidence.failures',
  ],
  ['circuitBreaker', { state: { ...saved, evidence: { kind: 'calls', outcomes: '+?' } } }, 'state.evidence.outcomes'],
  ['circuitBreaker', { state: { ...saved, evidence: { kind: 'window', slices: 1 } } }, 'state.evidence.slices'],
  [
    'circuitBreaker',
    { state: { ...saved, evidence: { kind: 'window', slices: [[0, 1]] } } },
    'state.evidence.slices[0][2]',
  ],
]

describe('bad input is refused by name', () => {
  it.each(refused)('%s %o %o: %s', (kind, first, fine, name, values) => {
    for (const value of values) {
      const options = { system: world.system, ...fine, [name]: value }
      if (kind === 'retryBudget') delete (options as { system?: unknown }).system
      expect([value, field(() => make[kind]?.(...first, options))]).toEqual([value, `options.${name}`])
    }
  })

  it.each(nested)('%s %o', (kind, options, name) => {
    expect(field(() => make[kind]?.({ system: world.system, ...options }))).toBe(name)
  })

  it('arguments that are no options', () => {
    for (const ms of noMillis) expect(field(() => timeout?.(ms))).toBe('ms')
    expect(field(() => fallback?.(undefined))).toBe('substitute')
    for (const none of [null, 1, {}]) expect(field(() => admit?.(none, 'db'))).toBe('admission')
    for (const route of ['', 1, null]) expect(field(() => admit?.(admission, route))).toBe('route')
    expect(field(() => wrap?.())).toBe('policies')
    expect(field(() => wrap?.(make['retry']?.(), {}))).toBe('policies[1]')
    for (const ms of [NaN, -1, Infinity, '5', null]) {
      expect(field(() => schedule['constant']?.(ms))).toBe('ms')
      expect(field(() => schedule['list']?.([1, ms]))).toBe('pauses[1]')
    }
    expect(field(() => schedule['list']?.(1))).toBe('pauses')
    expect(field(() => schedule['constant']?.(1, { times: -1 }))).toBe('options.times')
    for (const ms of noMillis) {
      expect(field(() => schedule['exponential']?.({ initialMs: ms }))).toBe('options.initialMs')
      expect(field(() => schedule['exponential']?.({ maxMs: ms }))).toBe('options.maxMs')
    }
    expect(field(() => schedule['exponential']?.({ factor: 0.9 }))).toBe('options.factor')
    expect(field(() => schedule['exponential']?.({ jitter: 'some' }))).toBe('options.jitter')
    expect(field(() => schedule['exponential']?.({ times: 0.5 }))).toBe('options.times')
  })

  const whole: [string, unknown[], object][] = [
    ['timeout', [5], {}],
    ['retry', [], {}],
    ['repeat', [], { every: 1 }],
    ['circuitBreaker', [], {}],
    ['bulkhead', [], before],
    ['hedge', [], { afterMs: 5 }],
    ['fallback', [1], {}],
    ['admit', [admission, 'db'], {}],
  ]
  it.each(whole)(
    '%s: options that do not exist, a system that is none, a name without letters',
    async (kind, first, fine) => {
      const made = (more: object): unknown => make[kind]?.(...first, { system: world.system, ...fine, ...more })
      expect(field(() => made({ tiemout: 1 }))).toBe('options.tiemout')
      expect(field(() => made({ system: {} }))).toBe('options.system')
      expect(field(() => made({ name: '' }))).toBe('options.name')
      expect(field(() => make[kind]?.(...first, 'options'))).toBe('options')
      const policy = made({}) as {
        execute: (...args: unknown[]) => Promise<unknown>
        on: (...args: unknown[]) => unknown
        wrapFunction: (fn: unknown) => unknown
      }
      for (const task of [undefined, 1, {}]) {
        expect(await rejection(policy.execute(task))).toMatchObject({ field: 'task' })
      }
      expect(await rejection(policy.execute(() => 1, { signal: {} }))).toMatchObject({ field: 'options.signal' })
      expect(await rejection(policy.execute(() => 1, 5))).toMatchObject({ field: 'options' })
      expect(field(() => policy.on('sucess', () => undefined))).toBe('event')
      expect(field(() => policy.on('success', 1))).toBe('listener')
      expect(field(() => policy.wrapFunction(1))).toBe('fn')
    },
  )

  it('changes nothing', () => {
    const breaker = policies.circuitBreaker({ system: world.system })
    breaker.isolate()
    expect(field(() => breaker.restore({ ...saved, evidence: { kind: 'calls', outcomes: 'x' } } as never))).toBe(
      'state.evidence.outcomes',
    )
    expect(breaker.state).toBe('isolated')
  })
})
