import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { HANG_GUARD_MS } from '../support/hang-guard.ts'
import { native as addon } from '../support/native.ts'

const native = addon as {
  hot: Record<string, (...args: unknown[]) => number>
  hotLane(): string
}
const { hot } = native

it('exports what its declaration says', () => {
  const declared = [...native.hotLane().matchAll(/^ {2}(\w+)\(/gm)].map((match) => match[1])
  expect(Object.keys(hot)).toEqual(declared)
})

it('survives missing, foreign and absurd arguments', () => {
  const absurd = [undefined, null, NaN, -1, 1e308, 'text', {}, Symbol('s'), 10n, () => {}]
  for (const [name, call] of Object.entries(hot)) {
    // An absurd number of buckets or bytes is not asked for here: numbers are checked before they cross.
    for (const value of absurd) {
      const result = call(value, value, value, value, value, value, value, value)
      expect(typeof result, `${name}(${String(value)})`).toBe('number')
    }
    expect(typeof call()).toBe('number')
  }
})

it('rings the function that listens last', () => {
  const program = `
    const native = require('./dist/inside.js').native
    const rung = []
    for (const name of ['first', 'second', 'last']) native.inboxListen(() => rung.push(name, native.hot.inboxTake()))
    native.hot.inboxPost(7)
    setTimeout(() => console.log(rung.join()), 50)
  `
  const child = spawnSync(process.execPath, ['-e', program], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    encoding: 'utf8',
    timeout: HANG_GUARD_MS,
  })
  expect(child.stderr).toBe('')
  expect(child.stdout).toBe('last,7\n')
})

it('finds nothing under a stale handle', () => {
  const clock = hot['controlledOpen']!(0, 10)
  hot['clockClose']!(clock)
  hot['clockClose']!(clock)
  expect(hot['controlledAfter']!(clock, 5)).toBe(-1)
  expect(hot['controlledStep']!(clock, 5)).toBe(-1)
  expect(hot['timerCancel']!(clock, 0)).toBe(0)
  expect(hot['timerCount']!(clock)).toBe(0)
  const next = hot['controlledOpen']!(0, 10)
  expect(next).not.toBe(clock)
  expect(hot['timerCount']!(clock)).toBe(0)
  expect(hot['controlledAfter']!(clock, 5)).toBe(-1)
  expect(hot['hostPop']!(next, 5, 0)).toBe(-1)
  hot['clockClose']!(next)
})
