// Run by node:test in a process of its own, see ../node-test.test.ts.
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import { createSystemClock } from 'keelson/clock'
import { useSystem, withSystem } from 'keelson/testing'

test(
  'withSystem is a test body',
  withSystem(async ({ clock }) => {
    const slept = clock.sleep(60_000)
    await clock.advance(60_000)
    await slept
    assert.equal(clock.monoMs(), 60_000)
  }),
)

describe('useSystem takes the hooks', () => {
  const system = useSystem({ beforeEach, afterEach })
  for (const round of [1, 2]) {
    test(`a fresh one, round ${round}`, () => {
      assert.equal(system().clock.monoMs(), 0)
      system().clock.advanceBy(5)
    })
  }
})

for (const apis of [['setTimeout'], ['setTimeout', 'Date']]) {
  test(`mock.timers of ${apis.join(' and ')} move the system clock`, () => {
    const clock = createSystemClock()
    mock.timers.enable({ apis })
    try {
      let fired = false
      clock.schedule(500, () => (fired = true))
      mock.timers.tick(499)
      assert.equal(fired, false)
      mock.timers.tick(1)
      assert.equal(fired, true)
    } finally {
      mock.timers.reset()
      clock.close()
    }
  })
}
