import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'

import { missingChromium } from '../support/chromium.ts'
import { useDashboards } from './support/dashboard.ts'
import type { FakeServer } from './support/fake-server.ts'
import { processRow } from './support/scene.ts'

const reason = missingChromium === undefined ? '' : ` (skipped: ${missingChromium})`

/** Fills a server with processes p0, p1 … of which each has a larger mailbox than the one before. */
const processes =
  (count: number) =>
  (server: FakeServer): void => {
    for (let index = 0; index < count; index++) {
      server.set(
        'process',
        `p${index}`,
        ...processRow(`p${index}`, `worker-${index}`, { mailbox: index, messages: 1000 }),
      )
    }
  }

describe.skipIf(missingChromium !== undefined)(`tables of the page${reason}`, () => {
  const dashboards = useDashboards()

  const names = (page: Page): Promise<string[]> => page.locator('main tbody th').allTextContents()
  const count = (page: Page): Promise<string | null> => page.locator('main .count').textContent()
  const watched = (): unknown => dashboards.current.server.watch?.tables[0]

  test('the server sorts: a head asks for the largest first, then the smallest, then the order of creation', async () => {
    const open = await dashboards.open(processes(9), { view: 'process' })
    const { page } = open
    const head = page.getByRole('columnheader', { name: 'mailbox' })
    await expect.poll(() => names(page)).toEqual(Array.from({ length: 9 }, (_, index) => `worker-${index}`))
    await head.getByRole('button').click()
    await expect.poll(() => names(page)).toEqual(Array.from({ length: 9 }, (_, index) => `worker-${8 - index}`))
    expect(watched()).toMatchObject({ kind: 'process', by: 'mailbox', desc: true, offset: 0, limit: 50 })
    expect(await head.getAttribute('aria-sort')).toBe('descending')
    await head.getByRole('button').click()
    await expect.poll(() => head.getAttribute('aria-sort')).toBe('ascending')
    await expect.poll(async () => (await names(page))[0]).toBe('worker-0')
    await head.getByRole('button').click()
    await expect.poll(() => head.getAttribute('aria-sort')).toBeNull()
    expect(watched()).not.toHaveProperty('by')
  })

  test('the server filters, and the page says how many match', async () => {
    const open = await dashboards.open(processes(120), { view: 'process' })
    const { page } = open
    await page.getByRole('searchbox').fill('WORKER-11')
    await expect.poll(() => count(page)).toBe('1–11 of 11 (120 in all)')
    expect(watched()).toMatchObject({ filter: 'WORKER-11' })
    await page.getByRole('searchbox').fill('nobody')
    await expect.poll(() => page.locator('main .empty').textContent()).toBe('Nothing matches “nobody”.')
    expect(await names(page)).toEqual([])
  })

  test('pages turn, and the last page turns back when its rows end', async () => {
    const open = await dashboards.open(processes(120), { view: 'process' })
    const { page, server } = open
    await expect.poll(() => count(page)).toBe('1–50 of 120')
    const next = page.getByRole('button', { name: 'Next page' })
    await next.click()
    await expect.poll(() => count(page)).toBe('51–100 of 120')
    await next.click()
    await expect.poll(() => count(page)).toBe('101–120 of 120')
    expect(await next.isDisabled()).toBe(true)
    for (let index = 60; index < 120; index++) server.tables['process']?.delete(`p${index}`)
    server.tick()
    await expect.poll(() => count(page)).toBe('51–60 of 60')
  })

  test('a row changes in place, and rows that end are gone', async () => {
    const open = await dashboards.open(processes(3), { view: 'process' })
    const { page, server } = open
    await expect.poll(() => names(page)).toHaveLength(3)
    await page.evaluate(() => document.querySelector('main tbody tr')?.setAttribute('data-mark', 'same'))
    server.set('process', 'p0', ...processRow('p0', 'worker-0', { messages: 1100 }))
    server.tables['process']?.delete('p1')
    server.tick()
    await expect.poll(() => page.locator('[data-mark=same] td').nth(4).textContent()).toBe('1,100')
    expect(await names(page)).toEqual(['worker-0', 'worker-2'])
  })

  test('every kind of the server has its table', async () => {
    const open = await dashboards.open((server) => {
      server.set('policy', 'pay', 'pay', 'circuit', 'open', 0, 0, 10, 5, 2, 'default')
      server.hello = { ...server.hello, kinds: { ...server.hello.kinds, shelf: [{ name: 'name', type: 'text' }] } }
    })
    const { page } = open
    const links = await page.locator('#nav a').allTextContents()
    expect(links).toEqual([
      'overview',
      'tree',
      'processes',
      'routes',
      'journals',
      'supervisors',
      'policies',
      'caches',
      'limiters',
      'buses',
      'atoms',
      'timers',
      'effects',
      'loops',
      'shelfs',
      'events',
    ])
    await page.getByRole('link', { name: 'policies' }).click()
    await expect
      .poll(() => page.locator('main tbody td').allTextContents())
      .toEqual(['circuit', 'open', '0', '0', '10', '5', '2', 'default'])
    expect(await page.locator('main td[data-alarm]').textContent()).toBe('open')
  })

  test('100 000 processes cost the page what a hundred do', async () => {
    const work: { rows: number; changes: number; bytes: number }[] = []
    for (const size of [100, 100_000]) {
      if (size > 100) await dashboards.current.close()
      const open = await dashboards.open(processes(size), { view: 'process' })
      const { page, server } = open
      await page.getByRole('columnheader', { name: 'mailbox' }).getByRole('button').click()
      await expect.poll(async () => (await names(page))[0]).toBe(`worker-${size - 1}`)
      await page.evaluate(() => {
        const table = document.querySelector('main table') as HTMLElement
        const seen = new MutationObserver((changes) => {
          table.dataset['changes'] = String(Number(table.dataset['changes'] ?? 0) + changes.length)
        })
        seen.observe(table, { subtree: true, childList: true, characterData: true })
      })
      const before = server.sent
      // All of them change, and those that are shown stay the same ones.
      for (const [key, row] of server.tables['process'] ?? []) server.set('process', key, ...row.with(5, 2000))
      server.tick()
      await expect.poll(() => page.locator('main tbody tr').nth(49).locator('td').nth(4).textContent()).toBe('2,000')
      const rows = await page.locator('main tbody tr').count()
      const changes = Number(await page.locator('main table').getAttribute('data-changes'))
      work.push({ rows, changes, bytes: server.sent - before })
      expect(await count(page)).toBe(`1–50 of ${size.toLocaleString('en')}`)
    }
    const [few, many] = work as [(typeof work)[0], (typeof work)[0]]
    expect(many.rows).toBe(50)
    expect(many.changes).toBe(few.changes)
    expect(many.bytes).toBeLessThan(few.bytes * 1.2)
  })
})
