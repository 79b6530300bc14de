import { createRequire } from 'node:module'
import type nodeTimers from 'node:timers'
import { setTimeout as namedSetTimeout } from 'node:timers'
import nodePromises, { setTimeout as namedWait } from 'node:timers/promises'
import { promisify } from 'node:util'

import { describe, expect, it } from 'vitest'

import { useInstalledClock } from '../../support/installed-clock.ts'

const require = createRequire(import.meta.url)
const { stage, install } = useInstalledClock()

describe('node:timers/promises under installClock', () => {
  it('waits by every name', async () => {
    install()
    const done: string[] = []
    const required = require('node:timers/promises') as typeof nodePromises
    // The name without a prefix is the same module.
    const unprefixed = require(['timers'].join()) as typeof nodeTimers
    const waits = [
      namedWait(10, 'imported').then((value) => done.push(value)),
      required.setTimeout(10, 'required').then((value) => done.push(value)),
      unprefixed.promises.setTimeout(10, 'of timers').then((value) => done.push(value)),
      promisify(setTimeout)(10, 'promisified').then((value) => done.push(value)),
      nodePromises.scheduler.wait(10).then(() => done.push('wait')),
      nodePromises.setImmediate('immediate').then((value) => done.push(value)),
      nodePromises.scheduler.yield().then(() => done.push('yield')),
    ]
    namedSetTimeout(() => done.push('callback'), 10)
    await stage.clock.advance(9)
    expect(done).toEqual(['immediate', 'yield'])
    await stage.clock.advance(1)
    await Promise.all(waits)
    expect(done.slice(2)).toEqual(['imported', 'required', 'of timers', 'promisified', 'wait', 'callback'])
  })

  it('rejects with the host’s AbortError when its signal aborts, and leaves no timer', async () => {
    install()
    const controller = new AbortController()
    const waits = [
      nodePromises.setTimeout(10, undefined, { signal: controller.signal }),
      nodePromises.setImmediate(undefined, { signal: controller.signal }),
      nodePromises.setInterval(10, 1, { signal: controller.signal })[Symbol.asyncIterator]().next(),
    ]
    controller.abort('enough')
    waits.push(nodePromises.setTimeout(10, undefined, { signal: controller.signal }))
    for (const wait of waits) {
      await expect(wait).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: 'enough' })
    }
    expect(stage.clock.getPendingTimerCount()).toBe(0)
  })

  it('refuses what the host refuses', async () => {
    install()
    await expect(nodePromises.setTimeout(1, 1, { ref: 'yes' } as never)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    })
    await expect(nodePromises.setImmediate(1, 5 as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
  })

  it('ticks, also for the time that passed while nobody asked', async () => {
    install()
    const seen: number[] = []
    const reader = (async () => {
      for await (const value of nodePromises.setInterval(10, 'tick')) {
        seen.push(stage.clock.monoMs() - 1_000_000)
        if (value !== 'tick' || seen.length === 4) break
      }
    })()
    await stage.clock.advance(10)
    stage.clock.advanceBy(20)
    await stage.clock.advance(10)
    await reader
    expect(seen).toEqual([10, 30, 30, 40])
    expect(stage.clock.getPendingTimerCount()).toBe(0)
  })
})
