/** Checks the ends of programs, processes and systems, and who receives errors then. */
import { createControlledClock } from 'keelson/clock'
import { createSupervisor, type ProcessRef } from 'keelson/process'
import { createSystem } from 'keelson/system'
import { describe, expect, it } from 'vitest'

import { runToEnd } from '../support/own-process.ts'
import { useWorld } from '../support/processes.ts'
import { rejection } from '../support/rejection.ts'

const world = useWorld()

describe('the program', () => {
  it('ends at once after asks, schedules and stops, and an init that fails does not end it', () => {
    const program = `
      const { createRootSupervisor } = require('keelson/process')
      const supervisor = createRootSupervisor({ emit: () => {} })
      const spec = { name: 'x', init: () => 0, handle: (n, { reply }) => (reply(n), n + 1) }
      supervisor.spawn({ ...spec, name: 'failing', init: () => Promise.reject(new Error('no')), supervision: { type: 'none' } }, {})
      const ref = supervisor.spawn(spec, {})
      ;(async () => {
        for (let asked = 0; asked < 1000; asked++) await ref.ask((reply) => ({ reply }))
        await supervisor.stop()
        console.log('done')
        over()
      })()
    `
    const { status, stdout, stderr, held } = runToEnd(program)
    expect([status, stdout, stderr]).toEqual([0, 'done\n', ''])
    expect(held).toEqual([])
  })
})

describe('a second stop', () => {
  it('resolves with the first, not before, whoever asks: ref, supervisor, system', async () => {
    const { supervisor, system, clock } = world()
    const log: string[] = []
    const ref = supervisor.spawn(
      {
        name: 'x',
        init: () => 0,
        handle: (state: number) => state,
        onStop: () => clock.sleep(50).then(() => log.push('stopped')),
      },
      {},
    )
    await clock.flush()
    for (const [name, stop] of [
      ['ref', ref.stop()],
      ['again', ref.stop('shutdown')],
      ['supervisor', supervisor.stop()],
    ] as const) {
      void stop.then(() => log.push(name))
    }
    await clock.advance(49)
    expect(log).toEqual([])
    await clock.advance(1)
    expect(log[0]).toBe('stopped')
    expect(log.toSorted()).toEqual(['again', 'ref', 'stopped', 'supervisor'])
    await system.close()
  })
})

describe('emit', () => {
  it('that throws on any event leaves the process working, and is reported', async () => {
    const { system, clock, reported } = world()
    const { createRootSupervisor } = await import('keelson/process')
    const noisy = createRootSupervisor({
      system,
      emit: ({ type }) => {
        throw new Error(type)
      },
    })
    const ref = noisy.spawn(
      {
        name: 'x',
        init: () => 0,
        handle: (n: number, message: { reply(n: number): void }) => (message.reply(n), n + 1),
      },
      {},
    )
    expect(await ref.ask((reply) => ({ reply }))).toBe(0)
    expect(await ref.ask((reply) => ({ reply }))).toBe(1)
    await clock.flush()
    const told = new Set(reported.map(([error]) => (error as Error).message))
    for (const type of ['process:start', 'process:ready', 'process:msg:start', 'process:msg:end'])
      expect(told).toContain(type)
    await noisy.stop()
  })
})

describe('a system that closes', () => {
  it('stops in order: onStop with shutdown, children before parents, and what waits is told [close-order]', async () => {
    const { supervisor, system, clock, told, reported } = world()
    const log: unknown[] = []
    const spec = (name: string) => ({
      name,
      init: () => 0,
      handle: async (
        state: number,
        message: { sleep?: number; child?: string },
        tools: { spawn(s: object, c: object): unknown },
      ) => {
        if (message.child !== undefined) tools.spawn(spec(message.child), {})
        if (message.sleep !== undefined) await clock.sleep(message.sleep)
        return state
      },
      onStop: (_: number, reason: unknown) => void log.push([name, reason]),
      supervision: { type: 'one-for-one' as const, backoff: { initial: 1000, max: 1000, factor: 1 } },
    })
    const first: ProcessRef = supervisor.spawn(spec('first') as never, {})
    first.send({ child: 'child' })
    const failing = supervisor.spawn({ ...spec('failing'), init: () => Promise.reject(new Error('no')) } as never, {})
    const busy = supervisor.spawn(spec('busy') as never, {})
    busy.send({ sleep: 1000 })
    await clock.flush()
    const asks = [busy, failing].map((ref) => rejection(ref.ask((reply) => ({ reply }))))
    await clock.flush()
    expect([failing.status(), busy.status()]).toEqual(['starting', 'running'])
    await system.close()
    expect(log).toEqual([
      ['busy', 'shutdown'],
      ['child', 'shutdown'],
      ['first', 'shutdown'],
    ])
    for (const error of await Promise.all(asks)) expect(error).toMatchObject({ message: 'Process stopping' })
    expect([first, failing, busy].map((ref) => ref.status())).toEqual(['stopped', 'stopped', 'stopped'])
    expect(told('supervisor:restart:abandoned')).toEqual([{ type: 'supervisor:restart:abandoned', because: 'stopped' }])
    expect(told('process:stop')).toHaveLength(4)
    expect(reported).toEqual([])
    expect(clock.monoMs()).toBe(0)
  })

  it('ends those of a classic supervisor too, and restarts none; what terminate throws has an owner', async () => {
    const clock = createControlledClock()
    const reported: [unknown, string][] = []
    const system = createSystem({ clock, crashReports: false, onError: (...report) => reported.push(report) })
    const supervisor = createSupervisor({ system })
    const log: string[] = []
    const ok = await supervisor.spawn({ handle: () => undefined, terminate: () => void log.push('ok ends') })
    const bad = await supervisor.spawn({
      handle: () => undefined,
      terminate: () => {
        throw new Error('cannot')
      },
    })
    const failed = await supervisor.spawn({
      init: () => log.push('init'),
      handle: () => {
        throw new Error('crash')
      },
    })
    await failed.send({})
    await clock.flush()
    expect(failed.state).toBe('failed')
    const stuck = await supervisor.spawn({ handle: () => new Promise(() => {}), terminate: () => log.push('never') })
    await stuck.send({})
    await clock.flush()
    await system.close()
    expect(log).toEqual(['init', 'ok ends'])
    expect([ok.state, failed.state, stuck.state, bad.state]).toEqual(['stopped', 'stopped', 'stopped', 'failed'])
    expect(reported.map(([error]) => (error as Error).message)).toEqual(['cannot'])
    await clock.advance(60_000)
    expect(log).toEqual(['init', 'ok ends'])
  })
})
