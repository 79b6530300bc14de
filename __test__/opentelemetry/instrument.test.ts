/** The life of an instrumentation. */
import { createSystem } from 'keelson'
import { instrument } from 'keelson/opentelemetry'
import { EventBus, GenServer } from 'keelson/otp'
import { afterEach, describe, expect, it } from 'vitest'

import { endedSpans, inSpan, openSpans, resetSpans, shown } from '../support/opentelemetry.ts'
import { thrown } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()
afterEach(() => {
  expect(openSpans()).toBe(0)
  resetSpans()
})
const counter = (options: object = {}) =>
  GenServer.start(
    { init: () => 0, handleCall: (_: string, n: number) => [n, n] as const, handleCast: (_: string, n) => n + 1 },
    { system: stage.system, ...options },
  )

describe('instrument', () => {
  it('refuses a bad option, what is no system, and a system that is instrumented or closed', async () => {
    const { system } = stage
    expect(thrown(() => instrument(system, { castSpans: 'child' as never }))).toMatchObject({
      field: 'options.castSpans',
    })
    expect(thrown(() => instrument(7 as never))).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT' })
    const { close } = instrument(system)
    expect(thrown(() => instrument(system))).toMatchObject({ field: 'system' })
    close()
    close()
    instrument(system).close()
    const other = createSystem()
    await other.close()
    expect(thrown(() => instrument(other))).toMatchObject({ code: 'KEELSON_CLOSED' })
  })

  it('follows processes that run already, and none of another system', async () => {
    const ref = await counter()
    await using other = createSystem()
    const unseen = await counter({ system: other })
    const { close } = instrument(stage.system)
    await GenServer.call(ref, 'm')
    await GenServer.call(unseen, 'm')
    expect(shown()).toEqual([{ name: 'handle GenServer', parent: 'call GenServer' }, { name: 'call GenServer' }])
    close()
  })

  it('handles what was sent before its end', async () => {
    const bounded = await counter({ maxMailbox: 1, overflow: 'drop-oldest', context: 'caller' })
    const ref = await counter()
    const bus = await EventBus.start({ system: stage.system })
    const seen: unknown[] = []
    await EventBus.subscribe(bus, 'a.*', (message) => void seen.push(message))
    const { close } = instrument(stage.system)
    GenServer.cast(ref, 'm')
    for (const message of ['m', 'n']) GenServer.cast(bounded, message)
    EventBus.publish(bus, 'a.b', 'm')
    close()
    await stage.turn()
    expect(await GenServer.call(ref, 'm')).toBe(1)
    expect(await GenServer.call(bounded, 'm')).toBe(1)
    expect(seen).toEqual(['m'])
    expect(endedSpans()).toEqual([])
  })

  it('ends with its system, after the processes, and may be closed by itself afterwards', async () => {
    const system = createSystem()
    const instrumentation = instrument(system)
    await GenServer.start({ init: () => 0, terminate: () => void inSpan('end', () => undefined) }, { system })
    await system.close()
    expect(shown()).toEqual([{ name: 'end' }])
    instrumentation.close()
  })
})
