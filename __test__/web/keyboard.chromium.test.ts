import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'

import { missingChromium } from '../support/chromium.ts'
import { useDashboards } from './support/dashboard.ts'
import type { FakeServer } from './support/fake-server.ts'
import { processRow, Scene } from './support/scene.ts'

const reason = missingChromium === undefined ? '' : ` (skipped: ${missingChromium})`

describe.skipIf(missingChromium !== undefined)(`the page with the keyboard alone${reason}`, () => {
  const dashboards = useDashboards()

  const fill = (server: FakeServer): void => {
    server.hello = { ...server.hello, actions: true }
    new Scene(server).step()
  }
  /** The name of what has the focus, as a reader of the screen says it. */
  const focused = (page: Page): Promise<string> =>
    page.evaluate(() => {
      const element = document.activeElement
      const label = element?.getAttribute('aria-label') ?? element?.getAttribute('placeholder')
      return label ?? element?.textContent ?? ''
    })
  const press = async (page: Page, ...keys: readonly string[]): Promise<void> => {
    for (const key of keys) await page.keyboard.press(key)
  }

  test('Tab reaches everything once, and what has the focus shows it', async () => {
    const open = await dashboards.open(fill, { view: 'process' })
    const { page } = open
    await page.locator('main tbody a').first().waitFor()
    const walk: string[] = []
    for (;;) {
      await page.keyboard.press('Tab')
      const name = await focused(page)
      if (name === walk[0] || walk.length === 60) break
      walk.push(name)
      const outline = await page.evaluate(() => {
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement as Element)
        return `${outlineStyle} ${outlineWidth}`
      })
      expect([name, outline]).toEqual([name, 'solid 2px'])
      // The end of the page: the focus goes on to the browser.
      if (name === 'shop') break
    }
    expect(walk.slice(0, 5)).toEqual(['Skip to the content', 'Theme: system', 'Keys', 'overview', 'tree'])
    const table = walk.slice(walk.indexOf('events') + 1)
    expect(table.slice(0, 6)).toEqual(['Filter processes', 'Next page', 'processes', 'name', 'id', 'kind'])
    // Of the rows, one is in the order of Tab.
    expect(walk.at(-1)).toBe('shop')
    expect(walk.filter((name) => /^(cart|inventory)-/.test(name))).toEqual([])
  })

  test('a row is found, opened and closed, and the focus returns to it', async () => {
    const open = await dashboards.open(fill)
    const { page, server } = open
    await press(page, '3')
    await expect.poll(() => page.locator('main h2').textContent()).toBe('processes')
    await page.locator('main tbody a').first().waitFor()
    await press(page, '/')
    expect(await focused(page)).toBe('Filter processes')
    await page.keyboard.type('cart-')
    await expect.poll(() => page.locator('main tbody a').first().textContent()).toBe('cart-1')
    // Digits and letters are text there.
    expect(await page.locator('main h2').textContent()).toBe('processes')
    await page.locator('main tbody a').first().focus()
    await press(page, 'ArrowDown', 'ArrowDown', 'ArrowUp', 'End', 'Home', 'ArrowDown')
    expect(await focused(page)).toBe('cart-2')
    server.tick()
    await press(page, 'Enter')
    await expect.poll(() => page.locator('.details h2').textContent()).toBe('cart-2')
    expect(await focused(page)).toBe('cart-2')
    await press(page, 'Tab')
    expect(await focused(page)).toBe('Close details')
    await press(page, 'Escape')
    await expect.poll(() => page.locator('.details').count()).toBe(0)
    await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('A')
    expect(await focused(page)).toBe('cart-2')
  })

  test('the focus stays on its row while rows change their places', async () => {
    const open = await dashboards.open(fill, { view: 'process' })
    const { page, server } = open
    await page.getByRole('columnheader', { name: 'mailbox' }).getByRole('button').click()
    await page.getByRole('searchbox').fill('session')
    const first = (): Promise<string | null> => page.locator('main tbody a').first().textContent()
    await expect.poll(first).toContain('session')
    const row = page.getByRole('link', { name: 'session-9', exact: true })
    await row.focus()
    server.set('process', 'p40', ...processRow('p40', 'session-9', { mailbox: 9999 }))
    server.tick()
    await expect.poll(first).toBe('session-9')
    expect(await focused(page)).toBe('session-9')
  })

  test('the tree opens and closes, and one can walk up and down in it', async () => {
    const open = await dashboards.open(fill, { view: 'tree' })
    const { page } = open
    const items = (): Promise<string[]> => page.locator('main li a').allTextContents()
    await expect.poll(items).toEqual(['shop'])
    const root = page.getByRole('treeitem').first()
    expect([await root.getAttribute('aria-expanded'), await root.getAttribute('aria-level')]).toEqual(['false', '1'])
    await root.focus()
    await press(page, 'ArrowRight')
    await expect.poll(async () => (await items()).length).toBe(27)
    expect(await root.getAttribute('aria-expanded')).toBe('true')
    await press(page, 'ArrowRight')
    expect(await focused(page)).toContain('carts, Supervisor, running')
    await press(page, 'ArrowRight')
    await expect.poll(async () => (await items()).length).toBe(51)
    await press(page, 'ArrowRight', 'ArrowDown')
    expect(await focused(page)).toContain('inventory-2, ')
    await press(page, 'ArrowLeft')
    expect(await focused(page)).toContain('carts, ')
    await press(page, 'ArrowLeft')
    await expect.poll(async () => (await items()).length).toBe(27)
    await press(page, 'Enter')
    await expect.poll(() => page.locator('.details h2').textContent()).toBe('carts')
  })

  test('the details of a process lead to its place: the path to the root, and one level more', async () => {
    const open = await dashboards.open(fill, { view: 'process/process/p2' })
    const { page } = open
    await page.getByRole('button', { name: 'Show in tree (24 below)' }).click()
    await expect.poll(() => page.locator('main h2').textContent()).toBe('tree')
    await expect.poll(() => focused(page)).toContain('carts, Supervisor')
    const levels = await page
      .getByRole('treeitem')
      .evaluateAll((all) => all.map((one) => one.getAttribute('aria-level')))
    expect(new Set(levels)).toEqual(new Set(['1', '2', '3']))
    expect(await page.locator('[aria-selected=true] > .branch a').first().textContent()).toBe('carts')
  })

  test('many children come in pages', async () => {
    const open = await dashboards.open(
      (server) => {
        server.set('process', 'top', ...processRow('top', 'top', { kind: 'Supervisor' }))
        for (let index = 0; index < 730; index++) {
          server.set('process', `p${index}`, ...processRow(`p${index}`, `worker-${index}`, { parent: 'top' }))
        }
      },
      { view: 'tree' },
    )
    const { page, server } = open
    await page.getByRole('treeitem').first().focus()
    await press(page, 'ArrowRight')
    await expect.poll(() => page.getByRole('treeitem').count()).toBe(101)
    const more = page.getByRole('button', { name: 'Show 100 more of 730' })
    for (const shown of [201, 301, 401, 501, 601, 701]) {
      await more.first().press('Enter')
      await expect.poll(() => page.getByRole('treeitem').count()).toBe(shown)
    }
    await page.getByRole('button', { name: 'Show 30 more of 730' }).press('Enter')
    await expect.poll(() => page.getByRole('treeitem').count()).toBe(731)
    server.tables['process']?.delete('p3')
    await expect.poll(() => page.getByRole('treeitem').count()).toBe(730)
  })

  test('the theme follows the system until it is chosen, and the choice stays', async () => {
    const open = await dashboards.open(fill, { colorScheme: 'dark' })
    const { page } = open
    const back = (): Promise<string> => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
    const [dark, light] = ['rgb(15, 19, 24)', 'rgb(244, 246, 249)']
    expect(await back()).toBe(dark)
    await page.emulateMedia({ colorScheme: 'light' })
    expect(await back()).toBe(light)
    await page.getByRole('button', { name: 'Theme: system' }).press('Enter')
    expect(await back()).toBe(dark)
    await page.reload()
    expect(await back()).toBe(dark)
    await page.getByRole('button', { name: 'Theme: dark' }).press('Enter')
    expect(await back()).toBe(light)
  })

  test('a question mark shows the keys', async () => {
    const open = await dashboards.open(fill)
    const { page } = open
    await press(page, '?')
    const dialog = page.getByRole('dialog')
    await dialog.waitFor()
    expect(await dialog.locator('dt').allTextContents()).toContain('Enter, Escape')
    await press(page, 'Escape')
    await expect.poll(() => dialog.isVisible()).toBe(false)
  })

  test('everything that can be used has a name', async () => {
    const open = await dashboards.open(fill)
    const { page, server } = open
    for (const view of [
      'overview',
      'tree',
      'process/process/p7',
      'route/route/GET%20%2Forders',
      'journal/journal/orders',
      'events',
    ]) {
      await page.goto(`${server.url}/#${view}`)
      await expect.poll(() => page.locator('main h2').textContent()).toBeTruthy()
      const nameless = await page.evaluate(() =>
        [...document.querySelectorAll('button, a, input, summary, [role], [tabindex="0"], nav, aside')]
          .filter((element) => (element as HTMLElement).checkVisibility())
          .filter((element) => {
            const named =
              element.getAttribute('aria-label') ?? element.closest('label')?.textContent ?? element.textContent
            return named?.trim() === '' && !['group', 'status'].includes(element.getAttribute('role') ?? '')
          })
          .map((element) => element.outerHTML),
      )
      expect(nameless).toEqual([])
      // Nothing moves, so there is nothing to reduce.
      expect(await page.evaluate(() => document.getAnimations().length)).toBe(0)
    }
  })
})
