import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'

import { delayOf } from '../../web/connection.js'
import { missingChromium } from '../support/chromium.ts'
import { useDashboards } from './support/dashboard.ts'
import { processRow } from './support/scene.ts'

const reason = missingChromium === undefined ? '' : ` (skipped: ${missingChromium})`

test('the waits between attempts double up to 15 s', () => {
  expect([0, 1, 2, 3, 4, 5, 6, 5000].map(delayOf)).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000])
})

describe.skipIf(missingChromium !== undefined)(`the stream of the page${reason}`, () => {
  const dashboards = useDashboards()

  const state = (page: Page): Promise<string | null> => page.locator('#state').textContent()
  const loop = { thread: 'main', running: 10, idle: 90, blocked: 0, longest: 0, stalls: 0, stalled: null }

  test('the header says which process answers, and counts events that were dropped', async () => {
    const open = await dashboards.open()
    const { page, server } = open
    server.state.dropped = 1204
    server.tick(1000)
    await expect.poll(() => state(page)).toBe('live')
    await expect.poll(() => page.locator('#dropped').textContent()).toBe('1,204 events dropped')
    expect(await page.locator('#title').textContent()).toBe('orders')
    expect(await page.locator('#facts').textContent()).toBe('pid 4711 · up 1 min 41 s · Node 20.20.2 · keelson 0.1.0')
    expect(await page.title()).toBe('overview · orders')
  })

  test('16 draws while JavaScript is blocked, and names the process, the message and the handler', async () => {
    const open = await dashboards.open()
    const { page, server } = open
    server.set('process', 'p7', ...processRow('p7', 'cart-1'))
    const stalled = { forMs: 1234, key: 'p7', name: 'cart-1', message: 'add', handler: 'handleCast' }
    server.state.loops = [{ ...loop, stalled }]
    server.tick()
    const banner = page.locator('#stalls p')
    await expect
      .poll(() => banner.textContent())
      .toBe('The loop of main is blocked: cart-1 handles add in handleCast. 1.2 s Show it')
    expect(await banner.getByRole('alert').textContent()).not.toContain('1.2 s')
    expect(await banner.evaluate((element) => getComputedStyle(element).backgroundColor)).toBe('rgb(179, 22, 27)')
    server.state.loops = [{ ...loop, stalled: { ...stalled, forMs: 2500 } }]
    server.tick()
    await expect.poll(() => banner.locator('b').textContent()).toBe('2.5 s')
    await banner.getByRole('link').click()
    await expect.poll(() => page.locator('.details h2').textContent()).toBe('cart-1')
    server.state.loops = [{ ...loop, blocked: 2600, longest: 2600, stalls: 1 }]
    server.tick()
    await expect.poll(() => banner.count()).toBe(0)
  })

  test('a stall outside of processes says so', async () => {
    const open = await dashboards.open()
    open.server.state.loops = [{ ...loop, stalled: { forMs: 300 } }]
    open.server.tick()
    const banner = open.page.locator('#stalls p')
    await expect
      .poll(() => banner.locator('span').textContent())
      .toBe('The loop of main is blocked: no process, other code runs.')
    expect(await banner.getByRole('link').count()).toBe(0)
  })

  test('a stream that breaks is opened again, with the tables of the view', async () => {
    const open = await dashboards.open(undefined, { view: 'process' })
    const { page, server } = open
    server.set('process', 'p1', ...processRow('p1', 'one'))
    server.tick()
    await expect.poll(() => page.locator('main tbody th').allTextContents()).toEqual(['one'])
    const breaks: [string, () => void][] = [
      ['ended', () => server.end()],
      ['no JSON', () => server.raw('data: {"type":"upd\n\n')],
      ['slow', () => server.end('slow')],
    ]
    for (const [index, [words, end]] of breaks.entries()) {
      end()
      await expect.poll(() => state(page)).toContain(words)
      server.set('process', `q${index}`, ...processRow(`q${index}`, words))
      await expect.poll(() => state(page)).toBe('live')
      server.tick()
      await expect.poll(async () => (await page.locator('main tbody th').allTextContents()).at(-1)).toBe(words)
      expect(server.watch?.tables.map(({ kind }) => kind)).toEqual(['process', 'route'])
    }
  })

  test('a server that is gone is awaited, and another process there begins with empty charts', async () => {
    const open = await dashboards.open()
    const { page, server } = open
    server.state.totals = { processes: 5, messages: 10, restarts: 4 }
    server.tick()
    await expect.poll(() => page.locator('.tiles dd').first().textContent()).toBe('5')
    const port = Number(new URL(server.url).port)
    await server.close()
    await expect.poll(() => state(page)).toContain('next attempt in 2 s')
    server.hello = { ...server.hello, pid: 12, title: 'payments' }
    server.state.totals = { processes: 1 }
    await server.listen(port)
    await page.getByRole('button', { name: 'Connect now' }).click()
    await expect.poll(() => page.locator('#title').textContent()).toBe('payments')
    await expect
      .poll(() => page.locator('.tiles dd').allTextContents())
      .toEqual(['1', '0/s', '0/s', '0/s', '–', '–', '–'])
  })

  test('a refused page says what to do', async () => {
    const open = await dashboards.open()
    const { page, server } = open
    server.isRefusing = true
    server.end()
    await expect.poll(() => state(page)).toBe('refused: open the URL with its token again')
    server.isRefusing = false
    await page.getByRole('button', { name: 'Connect now' }).click()
    await expect.poll(() => state(page)).toBe('live')
  })

  test('a silent stream counts as broken', async () => {
    const open = await dashboards.open()
    const { page, server } = open
    await page.clock.install()
    await page.reload()
    await expect.poll(() => state(page)).toBe('live')
    const streams = (): number => server.requests.filter((request) => request === 'GET /stream').length
    const before = streams()
    await page.clock.runFor(14_000)
    server.tick()
    await expect.poll(() => page.locator('#facts').textContent()).toContain('up 1 min 40 s')
    await page.clock.runFor(14_000)
    expect([await state(page), streams()]).toEqual(['live', before])
    await page.clock.runFor(3000)
    await expect.poll(streams).toBe(before + 1)
  })

  test('quick changes of the view leave the server with the tables of the last one', async () => {
    const open = await dashboards.open()
    const { page, server } = open
    await page.evaluate(() => {
      for (const link of document.querySelectorAll('#nav a')) (link as HTMLElement).click()
    })
    await page.getByRole('link', { name: 'caches' }).click()
    await expect.poll(() => server.watch?.tables.map(({ kind }) => kind)).toEqual(['cache', 'route'])
  })
})
