// The suite as one writes it for jest. tour.vitest.test.mts is the same for vitest.
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { type ClockEvent, createControlledClock } from 'keelson/clock'
import { createJournal, openJournal } from 'keelson/journal'
import { Cache, Supervisor } from 'keelson/otp'
import { createSystem, type System } from 'keelson/system'
import {
  assertNoLeaks,
  createProbe,
  createTestSystem,
  installClock,
  leaksOf,
  useSystem,
  withSystem,
} from 'keelson/testing'

import { listen } from '../lib/program.mjs'
import { type PriceApi, simulatedApi, Unauthorized } from './api.mjs'
import { PriceClient } from './client.mjs'
import { hourly } from './legacy.mjs'
import type { PriceEntry } from './recorder.mjs'
import { startService } from './service.mjs'

const MINUTE = 60_000

/** A server that answers at once, with tokens of 15 minutes. */
const fakeApi = ({ clock }: System) => ({
  login: jest.fn<PriceApi['login']>(async () => ({ value: 'token', expiresAt: clock.now().wallMs + 15 * MINUTE })),
  price: jest.fn<PriceApi['price']>(async () => 100),
})

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testing-tour-'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('the client, in a system of its own for each test (withSystem)', () => {
  it(
    'logs in once for requests that come together',
    withSystem(async ({ system }) => {
      const api = fakeApi(system)
      const client = new PriceClient(api, system)
      expect(await Promise.all([client.price('GOLD'), client.price('TIN')])).toEqual([100, 100])
      expect(api.login).toHaveBeenCalledTimes(1)
    }),
  )

  it(
    'refreshes the token half a minute before it expires (advance)',
    withSystem(async ({ clock, system }) => {
      const api = fakeApi(system)
      const client = new PriceClient(api, system)
      await client.price('GOLD')
      await clock.advance(14.5 * MINUTE - 1)
      await client.price('GOLD')
      expect(api.login).toHaveBeenCalledTimes(1)
      await clock.advance(1)
      await client.price('GOLD')
      expect(api.login).toHaveBeenCalledTimes(2)
    }),
  )

  it(
    'logs in again after the wall clock has jumped (jumpWallTime)',
    withSystem(async ({ clock, system }) => {
      const api = fakeApi(system)
      const client = new PriceClient(api, system)
      await client.price('GOLD')
      clock.jumpWallTime(clock.now().wallMs + 20 * MINUTE)
      await client.price('GOLD')
      expect(api.login).toHaveBeenCalledTimes(2)
      expect(clock.monoMs()).toBe(0)
    }),
  )

  it(
    'tries again after pauses, and the clock goes by itself (autoAdvance)',
    withSystem(async ({ clock, system }) => {
      clock.autoAdvance = true
      const api = fakeApi(system)
      api.price.mockRejectedValueOnce(new Error('down')).mockRejectedValueOnce(new Unauthorized('token'))
      expect(await new PriceClient(api, system).price('GOLD')).toBe(100)
      expect(api.price).toHaveBeenCalledTimes(3)
      expect(api.login).toHaveBeenCalledTimes(2)
      expect(clock.monoMs()).toBeLessThanOrEqual(200 + 400)
    }),
  )

  it(
    'gives up a server that hangs after three tries (runUntilIdle)',
    withSystem(async ({ clock, system }) => {
      const api = fakeApi(system)
      api.price.mockReturnValue(new Promise(() => {}))
      const refused = expect(new PriceClient(api, system).price('GOLD')).rejects.toThrow('2000 ms')
      const tookMs = await clock.runUntilIdle()
      await refused
      expect(tookMs).toBeGreaterThanOrEqual(3 * 2000)
      expect(tookMs).toBeLessThanOrEqual(3 * 2000 + 200 + 400)
    }),
  )

  it('pauses the same for the same seed (seed)', async () => {
    const tookMs = async (seed: number): Promise<number> => {
      await using system = createTestSystem({ seed })
      const failed = new PriceClient(simulatedApi(system, 1), system).price('GOLD').catch(() => {})
      const ms = await system.clock.runUntilIdle()
      await failed
      return ms
    }
    expect(await tookMs(7)).toBe(await tookMs(7))
    expect(await tookMs(7)).not.toBe(await tookMs(8))
  })
})

describe('the cache, in the system of the running test (useSystem)', () => {
  const current = useSystem({ beforeEach, afterEach })

  it('keeps a price for exactly five seconds (advance)', async () => {
    const { system, clock } = current()
    const api = fakeApi(system)
    const service = await startService({ system, api, folder })
    const read = () => service.price('GOLD')
    await read()
    api.price.mockResolvedValue(101)
    await clock.advance(4999)
    expect(await read()).toBe(100)
    await clock.advance(1)
    expect(await read()).toBe(101)
  })

  it('expires in the middle of synchronous code, too (advanceBy, advanceTo, tick)', async () => {
    const { system, clock } = current()
    const { handle } = await Cache.start({ system, defaultTtlMs: 5000 })
    handle.set('GOLD', 100)
    clock.advanceBy(4999)
    expect(handle.get('GOLD')).toBe(100)
    clock.advanceTo(5000)
    expect(handle.get('GOLD')).toBeUndefined()
    const ring = jest.fn()
    clock.schedule(250, ring)
    clock.tick()
    expect([ring.mock.calls.length, clock.monoMs()]).toEqual([1, 5250])
  })

  it('returns an old price while the server fails, and not for ever (set)', async () => {
    const { system, clock } = current()
    const api = fakeApi(system)
    const service = await startService({ system, api, folder, symbols: [] })
    await service.price('GOLD')
    api.price.mockRejectedValue(new Error('down'))
    clock.autoAdvance = true
    await clock.set(30_000)
    expect(await service.price('GOLD')).toBe(100)
    await clock.set(5000 + MINUTE)
    await expect(service.price('GOLD')).rejects.toThrow('down')
  })
})

describe('the recorder', () => {
  it(
    'writes each price to disk and tells who listens (createProbe)',
    withSystem(async ({ clock, system }) => {
      const probe = createProbe<PriceEntry>({ system })
      const service = await startService({ system, api: fakeApi(system), folder, listener: probe.ref })
      // The probe moves the clock when nobody else does.
      await probe.expectNone(MINUTE - 1)
      expect(await probe.expectMessage({ symbol: 'GOLD', price: 100 })).toEqual({ symbol: 'GOLD', price: 100 })
      expect(clock.monoMs()).toBe(MINUTE)
      expect(service.history('GOLD')).toEqual([100])
    }),
  )

  it(
    'comes back after each crash, a little later each time',
    withSystem(async ({ clock, system }) => {
      const restartedAt: number[] = []
      Supervisor.onLifecycleEvent(
        (event) => void (event.type === 'restarted' && restartedAt.push(clock.monoMs())),
        system,
      )
      const api = fakeApi(system)
      api.login.mockRejectedValue(new Error('down'))
      await startService({ system, api, folder })
      await clock.advance(4 * MINUTE)
      const pauses = restartedAt.map((at, index) => at - (restartedAt[index - 1] ?? 0) - MINUTE)
      // The back-off, and the pauses between three tries: at most 200 ms and 400 ms.
      expect(pauses.map((ms) => Math.floor(ms / 1000))).toEqual([1, 2, 4])
    }),
  )

  it(
    'gives up after ten crashes in an hour, and says why',
    withSystem(async ({ clock, system }) => {
      const api = fakeApi(system)
      api.login.mockRejectedValue(new Error('down'))
      const service = await startService({ system, api, folder })
      await clock.advance(60 * MINUTE)
      expect(await service.gaveUp).toMatchObject({ code: 'KEELSON_MAX_RESTARTS', cause: { message: 'down' } })
    }),
  )

  it('keeps what it wrote when the program starts again', async () => {
    for (const expected of [5, 10]) {
      await using system = createTestSystem({ initialTime: expected * MINUTE })
      const service = await startService({ system, api: fakeApi(system), folder })
      // Time stands while an append is on its way to the disk: five minutes are five entries, on any disk.
      await system.clock.advance(5 * MINUTE)
      expect(service.history('GOLD')).toHaveLength(expected)
    }
  })

  it(
    'is read as of any time',
    withSystem(async ({ clock, system }) => {
      const api = fakeApi(system)
      const service = await startService({ system, api, folder })
      await clock.advance(2 * MINUTE)
      api.price.mockResolvedValue(200)
      await clock.advance(2 * MINUTE)
      const last = (upTo: number) =>
        service.journal.fold<number>((_, { price }) => price, { initial: 0, upTo: { wallMs: upTo } })
      expect([last(0), last(MINUTE), last(3 * MINUTE)]).toEqual([0, 100, 200])
    }),
  )
})

describe('what happened', () => {
  it(
    'is a journal that a test reads (audit)',
    withSystem(async ({ clock, system }) => {
      const audit = createJournal<{ type: string; name?: string }>({ system })
      system.audit(audit)
      const api = fakeApi(system)
      const service = await startService({ system, api, folder, symbols: ['GOLD'] })
      api.price.mockRejectedValue(new Error('down'))
      await clock.advance(2 * MINUTE)
      await service.stop()
      const recorder = audit.filter(({ name }) => name === 'recorder').map(({ type }) => type)
      expect(recorder).toEqual([
        'process:started',
        'process:crashed',
        'process:terminated',
        'supervisor:crashed',
        'process:started',
        'supervisor:restarted',
        'process:terminated',
      ])
    }),
  )

  it(
    'happens at wall times, too (deadline)',
    withSystem(async ({ clock }) => {
      const noon = Date.UTC(2030, 0, 1, 12)
      const rung = clock.deadline({ wallMs: noon }).then(() => clock.monoMs())
      await clock.advance(MINUTE)
      clock.jumpWallTime(noon)
      await clock.advance(0)
      expect(await rung).toBe(MINUTE)
    }),
  )
})

describe('what a test left behind', () => {
  it(
    'is listed with the place of its creation (leaksOf, assertNoLeaks)',
    withSystem(async ({ clock, system }) => {
      const report = clock.schedule(MINUTE, () => {}, { label: 'nightly report' })
      const poll = clock.interval(1000, () => {})
      expect(() => assertNoLeaks(system)).toThrow('nightly report')
      expect(leaksOf(system).join()).toContain('tour.jest.test')
      report.cancel()
      poll.cancel()
      assertNoLeaks(system)
    }),
  )

  it('fails the test by itself where leaks are not allowed (leaks: true)', async () => {
    const leaky = withSystem(({ clock }) => void clock.interval(1000, () => {}), { leaks: true })
    await expect(leaky()).rejects.toThrow('left')
  })

  it(
    'is nothing after stop(), to the last timer (getPendingTimerCount)',
    withSystem(
      async ({ clock, system }) => {
        const service = await startService({ system, api: fakeApi(system), folder })
        await clock.advance(2 * MINUTE)
        expect(clock.getPendingTimerCount()).toBeGreaterThan(0)
        await service.stop()
        expect(clock.getPendingTimerCount()).toBe(0)
      },
      { leaks: true },
    ),
  )
})

describe('a test that does not end, or fails', () => {
  it(
    'says what it waits for (sleepers)',
    withSystem(({ clock }) => {
      void clock.sleep(2 * MINUTE)
      clock.interval(MINUTE, () => {})
      expect(clock.sleepers()).toMatchObject([
        { kind: 'sleep', dueMs: 2 * MINUTE, createdAt: expect.stringContaining('tour.jest.test') },
        { kind: 'interval', dueMs: MINUTE },
      ])
    }),
  )

  it(
    'names the interval that never ends (KEELSON_NOT_IDLE)',
    withSystem(async ({ clock }) => {
      clock.interval(MINUTE, () => {})
      await expect(clock.runUntilIdle({ maxTimers: 100 })).rejects.toMatchObject({
        code: 'KEELSON_NOT_IDLE',
        message: expect.stringMatching(/interval.*tour.jest.test/s),
      })
    }),
  )

  it('names the timer that spins in one instant (KEELSON_TIMER_LOOP)', async () => {
    const clock = createControlledClock({ loopLimit: 100 })
    clock.schedule(0, function spin() {
      clock.schedule(0, spin)
    })
    await expect(clock.advance(1)).rejects.toMatchObject({
      code: 'KEELSON_TIMER_LOOP',
      message: expect.stringContaining('spin'),
    })
    clock.close()
  })

  it('reports a wait that nobody moves the clock for (onStall)', async () => {
    const stalled = await new Promise((resolve) => {
      const clock = createControlledClock({
        stallAfterMs: 1,
        onStall: (sleepers) => {
          clock.close()
          resolve(sleepers)
        },
      })
      void clock.sleep(MINUTE)
    })
    expect(stalled).toMatchObject([{ kind: 'sleep', dueMs: MINUTE }])
  })

  it(
    'has the errors of callbacks, which have no caller (takeErrors)',
    withSystem(async ({ clock, system }) => {
      clock.schedule(10, () => {
        throw new Error('nobody catches this')
      })
      await clock.advance(10)
      // Left there, the error would fail this test.
      expect(system.takeErrors()).toMatchObject([{ message: 'nobody catches this' }])
    }),
  )

  it('prints the seed that repeats it (KEELSON_SEED)', async () => {
    const failing = withSystem(({ random }) => expect(random.int(6)).toBe(6), { seed: 7 })
    await expect(failing()).rejects.toThrow('KEELSON_SEED=7')
  })
})

describe('code of others', () => {
  it(
    'runs on the controlled clock in the place of the host (installClock)',
    withSystem(async ({ clock }) => {
      await clock.set(Date.UTC(2030, 0, 1, 11, 30))
      const installed = installClock(clock)
      const rings: string[] = []
      const stop = hourly((at) => void rings.push(at))
      await clock.advance(2 * 60 * MINUTE)
      stop()
      // The end of the system would do the same, also where the test fails before.
      installed.uninstall()
      expect(rings).toEqual(['2030-01-01T12:00:00.000Z', '2030-01-01T13:00:00.000Z'])
    }),
  )

  it('moves keelson by fake timers, too (jest.useFakeTimers)', async () => {
    jest.useFakeTimers({ now: 0 })
    try {
      await using system = createSystem() // a system clock: it follows the timers of the moment
      const woken = system.clock.sleep(MINUTE).then(() => system.clock.now().wallMs)
      await jest.advanceTimersByTimeAsync(MINUTE)
      expect(await woken).toBe(MINUTE)
    } finally {
      jest.useRealTimers()
    }
  })

  it(
    'holds time while real I/O is under way (external)',
    withSystem(async ({ clock }) => {
      const server = createServer((_request, response) => response.end('hello'))
      const url = await listen(server)
      clock.autoAdvance = true
      const tooLate = clock.sleep(1).then(() => 'too late')
      const answer = clock.external(fetch(url).then((response) => response.text()))
      expect(await Promise.race([answer, tooLate])).toBe('hello')
      server.close()
    }),
  )

  it('is watched through the events of the clock (emit, flush)', async () => {
    const emit = jest.fn<(event: ClockEvent) => void>()
    const clock = createControlledClock({ emit })
    const log: string[] = []
    void clock.sleep(10).then(() => log.push('woken'))
    clock.advanceBy(10)
    expect(log).toEqual([]) // no promise ran yet
    await clock.flush()
    expect(log).toEqual(['woken'])
    expect(emit.mock.calls.map(([{ type }]) => type)).toEqual(['time:sleep:start', 'time:sleep:end', 'time:advance'])
    clock.close()
  })

  it(
    'reads the journal beside its writer',
    withSystem(async ({ clock, system }) => {
      await startService({ system, api: fakeApi(system), folder })
      await clock.advance(3 * MINUTE)
      await using reader = await openJournal<PriceEntry>(folder, { system, readOnly: true })
      expect(reader.size()).toBe(3)
    }),
  )
})
