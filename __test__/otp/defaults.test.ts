import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import * as root from 'keelson'
import { CallTimeoutError, DEFAULTS, GenServer, VERSION } from 'keelson/otp'
import * as processes from 'keelson/process'
import { createTestSystem } from 'keelson/testing'
import { expect, it } from 'vitest'

it('VERSION is that of the package', () => {
  const manifest = readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')
  expect(VERSION).toBe((JSON.parse(manifest) as { version: string }).version)
})

it('DEFAULTS are the defaults, and cannot be changed', async () => {
  expect(DEFAULTS).toEqual({
    INIT_TIMEOUT: 5000,
    CALL_TIMEOUT: 5000,
    SHUTDOWN_TIMEOUT: 5000,
    MAX_RESTARTS: 3,
    RESTART_WITHIN_MS: 5000,
  })
  expect(Object.isFrozen(DEFAULTS)).toBe(true)
  const system = createTestSystem()
  const behavior = { init: () => 0, handleCall: () => new Promise<never>(() => {}), handleCast: () => 0 }
  const server = await GenServer.start(behavior, { system })
  const call = GenServer.call(server, 'never answered').catch((error: unknown) => error)
  await system.clock.advance(DEFAULTS.CALL_TIMEOUT)
  expect(await call).toBeInstanceOf(CallTimeoutError)
  await system.close().catch(() => {})
})

it('the root has everything of keelson/process, but for two names of its own', () => {
  const all = new Map<string, unknown>(Object.entries(root))
  const own = Object.entries(processes).flatMap(([name, value]) => (all.get(name) === value ? [] : name))
  expect(own.toSorted()).toEqual(['Supervisor', 'TimeoutError'])
})
