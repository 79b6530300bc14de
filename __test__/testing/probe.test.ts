import { GenServer, type GenServerBehavior } from 'keelson/otp'
import { createSystem } from 'keelson/system'
import { createProbe } from 'keelson/testing'
import { describe, expect, it } from 'vitest'

import { rejection, thrown } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()
const probeOf = () => createProbe<any>({ system: stage.system }) // oxlint-disable-line typescript/no-explicit-any -- as a test uses it
const idle: GenServerBehavior<number> = { init: () => 0 }

describe('a probe', () => {
  it('gives messages in order, those that match first', async () => {
    const probe = probeOf()
    for (const message of ['a', { type: 'b', n: 1 }, { type: 'c' }, 'a']) GenServer.cast(probe.ref, message)
    expect(await probe.expectMessage({ type: 'c' })).toEqual({ type: 'c' })
    expect(await probe.expectMessage(({ n }) => n === 1)).toEqual({ type: 'b', n: 1 })
    expect(await probe.expectMessage()).toBe('a')
    expect(await probe.expectMessage('a')).toBe('a')
    await probe.expectNone(10)
  })

  it('takes calls, exits and ends of monitored processes as messages', async () => {
    const { system } = stage
    const probe = probeOf()
    expect(await GenServer.call(probe.ref, 'called')).toBeUndefined()
    await probe.expectMessage('called')
    const ref = await GenServer.start(idle, { system })
    await GenServer.monitor(probe.ref, ref)
    await GenServer.link(probe.ref, ref)
    await GenServer.stop(ref, 'shutdown')
    await probe.expectMessage(({ type, reason }) => type === 'DOWN' && reason.type === 'shutdown')
    await probe.expectMessage(({ type, from }) => type === 'EXIT' && from.id === ref.id)
  })

  it('waits for a message that comes later, on the clock that the test moves', async () => {
    const probe = probeOf()
    GenServer.sendAfter(probe.ref, 'tick', 500)
    const expected = probe.expectMessage('tick', { timeoutMs: 600 })
    await stage.clock.advance(500)
    expect(await expected).toBe('tick')
    expect(stage.clock.monoMs()).toBe(500)
    expect(stage.clock.getPendingTimerCount()).toBe(0)
  })

  it('moves a controlled clock that nobody moves, and no further than the message', async () => {
    const probe = probeOf()
    GenServer.sendAfter(probe.ref, 'tick', 500)
    await probe.expectNone(499)
    expect(stage.clock.monoMs()).toBe(499)
    await probe.expectMessage('tick')
    expect(stage.clock.monoMs()).toBe(500)
  })

  it('fails in time, with the messages that it has', async () => {
    const probe = probeOf()
    GenServer.cast(probe.ref, { type: 'other' })
    expect(await rejection(probe.expectMessage('this', { timeoutMs: 50 }))).toMatchObject({
      code: 'KEELSON_EXPECTATION',
      messages: [{ type: 'other' }],
      message: "The probe expected a message that matches within 50 ms; it has\n  { type: 'other' }",
    })
    expect(stage.clock.monoMs()).toBe(50)
    expect((await rejection(probe.expectNone(5))).message).toContain('expected no message for 5 ms')
    await probe.expectMessage({ type: 'other' })
    expect((await rejection(probe.expectMessage(undefined, { timeoutMs: 0 }))).message).toContain('it has none')
  })

  it('fails at a message where none was expected, and keeps it', async () => {
    const probe = probeOf()
    GenServer.sendAfter(probe.ref, 'early', 30)
    expect(await rejection(probe.expectNone(50))).toMatchObject({ code: 'KEELSON_EXPECTATION', messages: ['early'] })
    expect(stage.clock.monoMs()).toBe(30)
    expect(await probe.expectMessage()).toBe('early')
  })

  it('gives a message to an expectation beside one of no message, which fails', async () => {
    const probe = probeOf()
    const none = [rejection(probe.expectNone(50)), rejection(probe.expectNone(60))]
    const expected = probe.expectMessage('a')
    GenServer.cast(probe.ref, 'a')
    expect(await expected).toBe('a')
    for (const each of none) expect(await each).toMatchObject({ code: 'KEELSON_EXPECTATION', messages: ['a'] })
    await probe.expectNone(1)
  })

  it('serves several expectations at once, each with a message of its own', async () => {
    const probe = probeOf()
    const [numbers, any] = [
      probe.expectMessage((message: unknown) => typeof message === 'number'),
      probe.expectMessage(),
    ]
    GenServer.cast(probe.ref, 'text')
    GenServer.cast(probe.ref, 5)
    expect(await Promise.all([numbers, any])).toEqual([5, 'text'])
  })

  it('works where time passes by itself', async () => {
    await using system = createSystem()
    const probe = createProbe({ system })
    GenServer.sendAfter(probe.ref, 'tick', 5)
    expect(await probe.expectMessage('tick')).toBe('tick')
    await probe.expectNone(2)
  })

  it('survives a test of messages that throws, and messages without text', async () => {
    const probe = probeOf()
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    GenServer.cast(probe.ref, proxy)
    await stage.turn()
    const broken = (): never => {
      throw new Error('broken')
    }
    expect((await rejection(probe.expectMessage(broken))).message).toBe('broken')
    expect(await rejection(probe.expectNone(1))).toMatchObject({ code: 'KEELSON_EXPECTATION' })
    // A promise cannot resolve with a revoked proxy, so no test can have it.
    expect(await rejection(probe.expectMessage())).toBeInstanceOf(TypeError)
    const waiting = rejection(probe.expectMessage(broken))
    GenServer.cast(probe.ref, 1)
    expect((await waiting).message).toBe('broken')
    expect(GenServer.isRunning(probe.ref)).toBe(true)
  })

  it('ends with its system, and refuses wrong options', async () => {
    const probe = probeOf()
    expect(await rejection(probe.expectMessage('a', { timeoutMs: -1 }))).toMatchObject({ field: 'options.timeoutMs' })
    expect(await rejection(probe.expectMessage('a', { timeout: 5 } as never))).toMatchObject({
      field: 'options.timeout',
    })
    expect(await rejection(probe.expectNone('5' as never))).toMatchObject({ field: 'ms' })
    await stage.system.close()
    expect(GenServer.isRunning(probe.ref)).toBe(false)
    expect(thrown(() => createProbe({ system: stage.system }))).toMatchObject({ code: 'KEELSON_CLOSED' })
  })
})
