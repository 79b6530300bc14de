import type { Clock, ControlledClock } from 'keelson/clock'
import { createControlledClock } from 'keelson/clock'
import { createJournal, type Journal } from 'keelson/journal'
import { expect } from 'vitest'

import { type Any, freePort, itWithDocuments, program } from './program.ts'

itWithDocuments('the distributed cache runs, and its processes with it', async () => {
  const { PhyxiusDistributedCache } = await program('distributed-cache-example', '@phyxius/process', (code) =>
    code
      .replace('class PhyxiusDistributedCache', 'export class PhyxiusDistributedCache')
      .replace('console.log(`[', '(() => {})(`['),
  )
  const clock: ControlledClock = createControlledClock(0)
  const journal: Journal<Any> = createJournal()
  const cache = new PhyxiusDistributedCache(clock as Clock, journal)
  await cache.set('key1', 'value1', 60_000)
  await clock.advance(30_000)
  expect(await cache.get('key1')).toBe('value1')
  expect(journal.filter((event) => event.type.includes('error'))).toHaveLength(0)
  const children = cache.supervisor.getChildren()
  expect(children.map(({ state }: Any) => state)).toEqual(['running', 'running', 'running'])
  // The program says `this` for the cache, which only the behaviour is: the process fails, and is restarted.
  await children[0].send({ type: 'cleanup_expired' })
  await expect.poll(() => children[0].getInfo()).toMatchObject({ state: 'running', restartCount: 1 })
  await children[1].send({ type: 'unknown' })
  await cache.supervisor.stop()
  expect(children.map(({ state }: Any) => state)).toEqual(['stopped', 'stopped', 'stopped'])
})

itWithDocuments('the express server serves, counts, and shuts down', async () => {
  const port = await freePort()
  const { ProductionServer } = await program('express-server-example', 'createRootSupervisor', (code) =>
    code.replaceAll('3000', String(port)).replaceAll('console.log(', '((..._: unknown[]) => {})('),
  )
  const server = new ProductionServer()
  const done = server.start()
  const url = `http://127.0.0.1:${port}`
  const statusOf = (path: string): Promise<number | string> =>
    fetch(url + path).then(
      ({ status }) => status,
      (error: Error) => error.message,
    )
  await expect.poll(() => statusOf('/health')).toBe(200)
  expect([200, 500]).toContain(await statusOf('/api/users'))
  expect([200, 503]).toContain(await statusOf('/api/data?id=123'))
  expect(await statusOf('/nonexistent')).toBe(404)
  expect((await server.getMetrics()).uptime).toBeGreaterThan(0)
  // Metrics are collected by a process that schedules its own next message, 5 s later.
  await expect.poll(async () => (await server.getMetrics()).server.totalRequests, { interval: 250 }).toBeGreaterThan(3)
  expect((await server.getRequestLogs(10)).map(({ path }: Any) => path)).toContain('/nonexistent')
  process.emit('SIGINT')
  await done
  expect(await statusOf('/health')).toBe('fetch failed')
})
