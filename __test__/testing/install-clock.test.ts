import { once } from 'node:events'
import { createServer, get } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'

import { createControlledClock, createSystemClock, isClockInstalledError, isInvalidArgumentError } from 'keelson'
import { installClock, withSystem } from 'keelson/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

import { hostBefore, theHost, useInstalledClock } from '../support/installed-clock.ts'

const require = createRequire(import.meta.url)
const { stage, install } = useInstalledClock()

describe('installClock', () => {
  it('puts everything back, whatever happens', () => {
    const installed = installClock(stage.clock)
    expect(installed.installed).toBe(true)
    try {
      expect(theHost()).not.toEqual(hostBefore)
      throw new Error('of the test')
    } catch {
      // Only the finally counts.
    } finally {
      installed[Symbol.dispose]()
    }
    installed.uninstall()
    expect(installed.installed).toBe(false)
    expect(theHost()).toEqual(hostBefore)
  })

  it('puts everything back when the clock closes, as after a test that throws', async () => {
    const body = withSystem(({ clock }) => {
      installClock(clock)
      throw new Error('of the test')
    })
    await expect(body()).rejects.toThrow('of the test')
    expect(theHost()).toEqual(hostBefore)
  })

  it('puts the host back although others have replaced it meanwhile', () => {
    const installed = install()
    const spy = vi.spyOn(globalThis, 'setTimeout')
    installed.uninstall()
    expect(theHost()).toEqual(hostBefore)
    spy.mockRestore()
    globalThis.setTimeout = hostBefore[0] as typeof setTimeout
  })

  it('is refused while a clock is installed, and the first stays', async () => {
    install()
    const other = createControlledClock()
    expect(() => installClock(other)).toThrow(expect.objectContaining({ code: 'KEELSON_CLOCK_INSTALLED' }))
    expect(() => installClock(stage.clock)).toThrow('a clock is installed')
    await stage.clock.advance(5)
    expect(Date.now()).toBe(1_000_005)
  })

  it('is refused while other fake timers are installed, and they are refused over it', () => {
    vi.useFakeTimers()
    try {
      const error = thrownBy(() => installClock(stage.clock))
      expect(isClockInstalledError(error)).toBe(true)
      expect((error as Error).message).toContain('another library')
    } finally {
      vi.useRealTimers()
    }
    install()
    expect(() => vi.useFakeTimers()).toThrow(TypeError)
  })

  it('refuses what is no open controlled clock', () => {
    const system = createSystemClock()
    for (const wrong of [system, {}, undefined, { advance: () => {} }]) {
      expect(isInvalidArgumentError(thrownBy(() => installClock(wrong as never)))).toBe(true)
    }
    system.close()
    const closed = createControlledClock()
    closed.close()
    expect(() => installClock(closed)).toThrow(expect.objectContaining({ code: 'KEELSON_CLOSED' }))
  })

  it('clears the timers that are left, and passes calls of kept fakes on to the host', async () => {
    const installed = install()
    const { setTimeout: keptSetTimeout, clearTimeout: keptClear, Date: KeptDate } = globalThis
    const { now } = performance
    let fired = 0
    const timer = setTimeout(() => fired++, 10)
    setInterval(() => fired++, 10)
    installed.uninstall()
    timer.refresh()
    await stage.clock.advance(100)
    expect([fired, stage.clock.getPendingTimerCount()]).toEqual([0, 0])
    expect(Math.abs(KeptDate.now() - Date.now())).toBeLessThan(60_000)
    expect(now()).toBeGreaterThan(0)
    await new Promise((resolve) => keptSetTimeout(resolve, 1))
    keptClear(keptSetTimeout(() => fired++, 1_000_000))
  })

  it('moves waits on a system clock, and gives them back to the host', async () => {
    const clock = createSystemClock()
    onTestFinished(() => clock.close())
    const before = clock.monoMs()
    const early = clock.sleep(60_000)
    const installed = install()
    const late = clock.sleep(90_000)
    await stage.clock.advance(60_000)
    await early
    expect(clock.monoMs() - before).toBeGreaterThanOrEqual(60_000)
    await stage.clock.advance(30_000)
    await late
    const across = clock.sleep(20)
    installed.uninstall()
    await across
    expect(clock.monoMs() - before).toBeGreaterThanOrEqual(90_020)
  })

  it('leaves real connections alone', async () => {
    install()
    const server = createServer((_, response) => response.end('answered'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const text = await new Promise((resolve, reject) => {
      get({ port, host: '127.0.0.1' }, (response) => {
        response.setEncoding('utf8').on('data', resolve)
      }).on('error', reject)
    })
    expect(text).toBe('answered')
  })
})

describe('third-party packages under installClock', () => {
  it('expire entries of lru-cache and toad-cache', async () => {
    install()
    interface Cached {
      set(key: string, value: number): void
      get(key: string): number | undefined
    }
    const { Lru } = require('toad-cache') as { Lru: new (max: number, ttlMs: number) => Cached }
    const LruCache = require('lru-cache') as new (options: object) => Cached
    const caches = [new Lru(10, 60_000), new LruCache({ max: 10, maxAge: 60_000 })]
    for (const cache of caches) cache.set('a', 1)
    await stage.clock.advance(59_000)
    expect(caches.map((cache) => cache.get('a'))).toEqual(caches.map(() => 1))
    await stage.clock.advance(2000)
    expect(caches.map((cache) => cache.get('a'))).toEqual(caches.map(() => undefined))
  })

  it('time out a handler of hono', async () => {
    install()
    const { Hono } = await import('hono')
    const { timeout } = await import('hono/timeout')
    const app = new Hono()
    app.use(timeout(30_000))
    app.get('/', () => new Promise<Response>(() => {}))
    const answer = app.request('/')
    await stage.clock.advance(30_000)
    expect((await answer).status).toBe(504)
  })

  it('reset the window of the memory store of express-rate-limit', async () => {
    install()
    const { MemoryStore } = await import('express-rate-limit')
    const store = new MemoryStore()
    store.init({ windowMs: 60_000 } as never)
    expect((await store.increment('a')).totalHits).toBe(1)
    expect((await store.increment('a')).totalHits).toBe(2)
    await stage.clock.advance(60_000)
    expect((await store.increment('a')).totalHits).toBe(1)
    store.shutdown()
  })
})

function thrownBy(body: () => unknown): unknown {
  try {
    body()
  } catch (error) {
    return error
  }
  return undefined
}
