import { expect, test } from 'vitest'

import { importersOf, relatedTests, rustFilters, within } from '../../scripts/lib/related.mjs'
import { runSteps } from '../../scripts/lib/steps.mjs'

const sources = [
  { path: 'js/rate/keys.ts', text: '' },
  { path: 'js/rate/limiter.ts', text: "import { Keys } from './keys.ts'" },
  { path: 'js/otp/rate-limiter.ts', text: "import { Limiter } from '../rate/limiter.ts'" },
  { path: 'js/http/rate/middleware.ts', text: "import { Limiter } from '../../rate/limiter.ts'" },
]

const tests = [
  '__test__/clock/clock.test.ts',
  '__test__/express/rate-limit.test.ts',
  '__test__/http/rate/middleware.test.ts',
  '__test__/otp/agent.test.ts',
  '__test__/otp/rate-limiter.test.ts',
  '__test__/rate/keys.test.ts',
  '__test__/rate/limiter.test.ts',
]

test('the tests of a file come first, then those of its room, then those of the files that import the room', () => {
  expect(importersOf('js/rate/keys.ts', sources)).toEqual(['js/otp/rate-limiter.ts', 'js/http/rate/middleware.ts'])
  expect(relatedTests(['js/rate/keys.ts'], tests, sources)).toEqual([
    '__test__/rate/keys.test.ts',
    '__test__/rate/limiter.test.ts',
    '__test__/http/rate/middleware.test.ts',
    '__test__/otp/rate-limiter.test.ts',
    '__test__/otp/agent.test.ts',
  ])
})

test('a module of the core stands for the rooms that it decides for, and for its own tests', () => {
  const changed = ['src/core/rate/gcra.rs', 'src/core/rate/log.rs']
  expect(rustFilters(changed)).toEqual(['core::rate::'])
  expect(relatedTests(changed, tests, sources)).toEqual([
    '__test__/express/rate-limit.test.ts',
    '__test__/http/rate/middleware.test.ts',
    '__test__/otp/rate-limiter.test.ts',
    '__test__/rate/keys.test.ts',
    '__test__/rate/limiter.test.ts',
  ])
})

test('as many tests are chosen as fit in the time, and one always', () => {
  const timeOf = (name: string): number => name.length
  expect(within(3, ['aa', 'bbb', 'c'], timeOf, 2)).toEqual(['aa', 'bbb', 'c'])
  expect(within(3, ['aa', 'bbbb', 'c'], timeOf, 2)).toEqual(['aa', 'bbbb'])
  expect(within(1, ['aaaa'], timeOf, 1)).toEqual(['aaaa'])
})

test('steps run two at a time: never with one that uses the same, and one that is alone with none', async () => {
  const log: string[] = []
  let running = 0
  const run = (name: string) => async () => {
    log.push(`${name} beside ${running++}`)
    await new Promise(setImmediate)
    running -= 1
    return false
  }
  const steps = [
    { name: 'a', uses: 'x', run: run('a') },
    { name: 'b', uses: 'x', run: run('b') },
    { name: 'c', run: run('c') },
    { name: 'd', alone: true, run: run('d') },
    { name: 'e', needs: ['d'], run: run('e') },
  ]
  const { failed } = await runSteps(steps, { lanes: 2, print: () => {} })
  expect(failed).toEqual([])
  expect(log[0]).toBe('a beside 0')
  expect(log[1]).toBe('c beside 1')
  expect(log.find((line) => line.startsWith('d'))).toBe('d beside 0')
  expect(log).toHaveLength(5)
})

test('steps that need a failed one are left out', async () => {
  const log: string[] = []
  const steps = [
    { name: 'a', run: () => Promise.reject(new Error('broken')) },
    { name: 'b', needs: ['a'], run: () => void log.push('b') },
    { name: 'c', needs: ['b'], run: () => void log.push('c') },
    { name: 'd', run: () => void log.push('d') },
  ]
  const { failed, counts } = await runSteps(steps, { lanes: 2, print: () => {} })
  expect([failed, log, counts.failed]).toEqual([['a'], ['d'], 1])
})
