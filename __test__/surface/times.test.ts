/**
 * Every option that is a time is checked once against one bound, before anything changes: a value is refused by the name
 * of its field, or it works. It never hangs, and nothing fails later.
 */
import { describe, expect, it, onTestFinished } from 'vitest'
import { createControlledClock } from 'keelson/clock'
import { createSystem } from 'keelson/system'
import { core } from './times-core.ts'
import { services } from './times-services.ts'
import { refusal, soon } from './times-shared.ts'

const VALUES: readonly (readonly [string, unknown])[] = [
  ['NaN', NaN],
  ['-1', -1],
  ['-Infinity', -Infinity],
  ['0', 0],
  ['0.5', 0.5],
  ['2^31', 2 ** 31],
  ['2^53 - 1', 2 ** 53 - 1],
  ['8.64e15', 8.64e15],
  ['8.64e15 + 1', 8.64e15 + 1],
  ['1e300', 1e300],
  ['Infinity', Infinity],
  ["'5'", '5'],
  ['null', null],
  ['an object with valueOf', { valueOf: () => 5 }],
  ['5n', 5n],
]

describe.each([...core, ...services])('%s', (_, field, drive) => {
  it.each(VALUES)('with %s is refused by its name, or works', async (_name, value) => {
    const later: unknown[] = []
    const clock = createControlledClock({
      initialTime: 1000,
      stallAfterMs: 0,
      trace: false,
      onError: (error) => later.push(error),
    })
    const system = createSystem({ clock, seed: 1, closeTimeout: 100, onError: (error) => later.push(error) })
    const unhandled = (error: unknown): void => void later.push(error)
    process.on('unhandledRejection', unhandled)
    onTestFinished(() => void process.off('unhandledRejection', unhandled))
    let refused: unknown
    const settled: true[] = []
    const done = (async () => {
      try {
        await drive(value as never, { system, clock })
      } catch (error) {
        refused = error
      }
      settled.push(true)
    })()
    const failed = (error: unknown): void => void later.push(error)
    for (let round = 0; round < 3; round++) {
      for (let turns = 0; turns < 4; turns++) await soon()
      if (system.closed) break
      await clock.advance(1).catch(failed)
      // What comes next, however far away.
      clock.tick()
    }
    for (let turns = 0; turns < 200 && settled.length === 0; turns++) await soon()
    await Promise.race([done, new Promise((resolve) => void setTimeout(resolve, 500))])
    await system.close()
    clock.close()
    await soon()
    const known = refusal(refused)
    expect(refused instanceof TypeError || refused instanceof RangeError ? refused : undefined).toBe(undefined)
    if (known !== undefined) expect(known.field).toContain(field)
    else if (typeof value !== 'number' || Number.isNaN(value)) {
      // What is no number is never taken for one.
      // `null` is documented as "for ever" of the times that a cache keeps values.
      const isForEver = value === null && /(?:options|entries\[0\])\.(?:defaultT|t)tlMs/.test(field)
      expect(isForEver ? 'refused' : refused).toBe('refused')
    }
    expect(
      later.filter(
        (error) => refusal(error) !== undefined || error instanceof RangeError || error instanceof TypeError,
      ),
    ).toEqual([])
  })
})
