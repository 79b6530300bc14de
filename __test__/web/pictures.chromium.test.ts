/** Pictures of the page for people, in .cache/web/, and that nothing is cut off at the width of a phone. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { launchChromium, missingChromium } from '../support/chromium.ts'
import { root } from '../support/root.ts'
import { openDashboard } from './support/dashboard.ts'
import { Scene } from './support/scene.ts'

const reason = missingChromium === undefined ? '' : ` (skipped: ${missingChromium})`
const folder = join(root, '.cache', 'web')

const SIZES = {
  dark: { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
  light: { viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: 'dark', hasTouch: true },
} as const

const VIEWS = {
  overview: 'overview',
  tree: 'tree',
  processes: 'process',
  crash: 'process/process/p7',
  route: `route/route/${encodeURIComponent('GET /orders')}`,
  journal: 'journal/journal/orders',
  policies: 'policy',
  events: 'events',
}

describe.skipIf(missingChromium !== undefined)(`pictures${reason}`, () => {
  let browser: Browser

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true })
    browser = await launchChromium()
  })
  afterAll(() => browser.close())

  test.each(Object.entries(SIZES))('%s: nothing is cut off', async (size, options) => {
    const { server, page, faults, close } = await openDashboard(
      browser,
      (fake) => {
        fake.hello = { ...fake.hello, actions: true }
      },
      options,
    )
    const scene = new Scene(server)
    const samples = (): Promise<number> =>
      page
        .locator('.plot .line')
        .first()
        .evaluate((line) => line.getAttribute('d')!.split('L').length)
    for (let step = 0; step < 440; step++) {
      scene.step()
      // A reader of the stream who is far behind would be dropped.
      if (step % 100 === 99) await expect.poll(samples).toBeGreaterThan(step - 2)
    }
    for (const [name, view] of Object.entries(VIEWS)) {
      await page.goto(`${server.url}/#${view}`)
      if (name === 'tree') {
        await page.getByRole('treeitem').first().focus()
        await page.keyboard.press('ArrowRight')
        await expect.poll(() => page.getByRole('treeitem').count()).toBeGreaterThan(20)
      }
      if (view.split('/').length > 1) await expect.poll(() => page.locator('.details dd').count()).toBeGreaterThan(5)
      scene.step()
      if (name === 'events') {
        const stalled = { forMs: 1840, key: 'p7', name: 'cart-1', message: 'remove', handler: 'handleCall' }
        server.state.loops = server.state.loops!.map((loop) =>
          loop.thread === 'main' ? Object.assign(loop, { stalled }) : loop,
        )
        server.tick()
        await page.locator('#stalls p').waitFor()
      }
      expect(
        await page
          .locator('#nav [aria-current]')
          .evaluate((link) => Math.floor(link.getBoundingClientRect().right) <= innerWidth),
      ).toBe(true)
      await page.screenshot({ path: join(folder, `${size}-${name}.png`) })
      const [wide, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth] as const)
      expect([name, wide]).toEqual([name, width])
    }
    expect(faults).toEqual([])
    await close()
  })
})
