import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'

import { missingChromium } from '../support/chromium.ts'
import { useDashboards } from './support/dashboard.ts'
import type { FakeServer } from './support/fake-server.ts'
import { processRow, Scene } from './support/scene.ts'

const reason = missingChromium === undefined ? '' : ` (skipped: ${missingChromium})`

/** Names that become something else where text is taken for markup, for an address, or for a property. */
const HOSTILE = [
  '<img src=x onerror="window.hit=1">',
  '"><script>window.hit=1</script>',
  "javascript:window.hit=1//'",
  '</title><svg onload=window.hit=1>',
  '__proto__',
  'constructor',
  'a/b?c#d%20%zz&e=+f',
  '\u202Egpj.exe\u0000',
]

describe.skipIf(missingChromium !== undefined)(`details on the page${reason}`, () => {
  const dashboards = useDashboards()

  const heading = (page: Page): Promise<string | null> => page.locator('.details h2').textContent()
  const fill = (server: FakeServer): void => new Scene(server).step()

  test('names, keys, texts and stacks are shown as they are, whatever they hold', async () => {
    const [first = ''] = HOSTILE
    const open = await dashboards.open((server) => {
      server.hello = { ...server.hello, title: first, actions: true }
      for (const name of HOSTILE) {
        server.set('process', name, ...processRow(name, name, { kind: name, parent: null }))
        server.details.set(name, {
          links: [name],
          state: { [name]: name },
          crashes: [{ at: 1, error: name, stack: name, message: name }],
        })
        server.set('journal', name, name, name, 1, 1, 2, 10, 0, name)
        server.journals.set(name, [{ seq: 1, at: 1, text: name }])
        server.set('route', name, name, ...Array.from({ length: 25 }, () => 1))
      }
    })
    const { page, server } = open
    await expect.poll(() => page.title()).toContain(first)
    server.state.loops = [
      {
        thread: first,
        running: 1,
        idle: 1,
        blocked: 1,
        longest: 1,
        stalls: 1,
        stalled: { forMs: 1, key: first, name: first, message: first, handler: first },
      },
    ]
    for (const name of HOSTILE) server.tell({ event: name, kind: name, key: name, name, text: name })
    server.tick()
    await expect.poll(() => page.locator('#stalls').textContent()).toContain(first)
    for (const kind of ['process', 'journal', 'route']) {
      await page.goto(`${server.url}/#${kind}`)
      // A browser shows no NUL, and keeps it in the text.
      await expect.poll(() => page.locator('main tbody th').allTextContents()).toEqual(HOSTILE)
      for (const [index, name] of HOSTILE.entries()) {
        await page.locator('main tbody a').nth(index).click()
        await expect.poll(() => heading(page)).toBe(name)
        await expect.poll(() => page.locator('.details dd').allTextContents()).toContain(name)
        if (kind === 'journal') await expect.poll(() => page.locator('.details code').textContent()).toBe(name)
        if (kind === 'process') await expect.poll(() => page.locator('.details pre').last().textContent()).toBe(name)
        await page.reload()
        await expect.poll(() => heading(page)).toBe(name)
      }
    }
    await page.goto(`${server.url}/#events`)
    for (const name of HOSTILE) server.tell({ event: name, kind: name, key: name, name, text: name })
    server.tick()
    await expect.poll(() => page.locator('main code').allTextContents()).toEqual(HOSTILE.toReversed())
    await page.goto(`${server.url}/#tree`)
    await expect.poll(() => page.locator('main li a').allTextContents()).toEqual(HOSTILE)
    expect(
      await page.evaluate(() => [
        (globalThis as { hit?: number }).hit,
        document.querySelectorAll('img, body script, [onload]').length,
      ]),
    ).toEqual([undefined, 0])
  })

  test('addresses that name nothing show the first view', async () => {
    const open = await dashboards.open(fill, { view: '%zz/constructor/toString' })
    const { page, server } = open
    await expect.poll(() => page.locator('main h2').textContent()).toBe('overview')
    await page.goto(`${server.url}/#overview/constructor/toString`)
    await page.goto(`${server.url}/#overview/process/nobody`)
    await expect.poll(() => page.locator('.details .gone').textContent()).toBe('Gone: there is no such thing now.')
  })

  test('3 process that ends between list and detail shows gone', async () => {
    const open = await dashboards.open(fill, { view: 'process' })
    const { page, server } = open
    await page.getByRole('link', { name: 'cart-1', exact: true }).click()
    await expect.poll(() => page.locator('.path').textContent()).toContain('shop › carts › cart-1')
    expect(await page.locator('.details summary').textContent()).toContain(
      'RangeError: The cart holds no item 12 · while it handled remove',
    )
    expect(await page.locator('.details details pre').textContent()).toContain('at handleCall (cart.ts:88:14)')
    server.tables['process']?.delete('p7')
    server.tick()
    await expect.poll(() => page.locator('.details .gone').textContent()).toBe('Gone: there is no such thing now.')
    // What it was can still be read.
    expect(await page.locator('.details details pre').textContent()).toContain('RangeError')
  })

  test('state is absent unless it is asked for', async () => {
    const open = await dashboards.open(
      (server) => {
        fill(server)
        server.states.set('p7', { items: 3 })
      },
      { view: 'process/process/p7' },
    )
    const { page, server } = open
    await expect.poll(() => page.locator('.details dd').count()).toBeGreaterThan(5)
    expect(await page.locator('.details > pre').isVisible()).toBe(false)
    expect(server.requests.join()).not.toContain('state=')
    await page.getByRole('button', { name: 'Show state' }).click()
    await expect.poll(() => page.locator('.details > pre').textContent()).toBe('{\n  "items": 3\n}')
  })

  test("a route's resistance is drawn with its terms and its limit", async () => {
    const open = await dashboards.open()
    const scene = new Scene(open.server)
    const { page } = open
    for (let count = 0; count < 20; count++) scene.step()
    await page.goto(`${open.server.url}/#route/route/${encodeURIComponent('GET /orders')}`)
    const drawn = (title: string, what: string) => page.locator('figure', { hasText: title }).locator(what)
    await expect.poll(() => drawn('Resistance in ohm', 'path.area').count()).toBe(4)
    const legend = await drawn('Resistance in ohm', 'li').allTextContents()
    expect(legend.map((text) => text.split(' ')[0])).toEqual(['R', 'base', 'pressure', 'momentum', 'scar'])
    expect(legend[1]).toBe('base 10')
    for (const path of await drawn('Resistance in ohm', 'path.area, path.line').all()) {
      expect((await path.getAttribute('d'))?.split('L').length).toBeGreaterThan(15)
    }
    expect(await drawn('Requests and their limit', 'li').first().textContent()).toBe('limit 40')
    const plot = page.getByRole('img', { name: /^Resistance in ohm.*: R \d/ })
    await plot.focus()
    await page.keyboard.press('ArrowLeft')
    await expect.poll(() => drawn('Resistance in ohm', '.legend').getAttribute('data-at')).toMatch(/\d\d:\d\d:\d\d/)
  })

  test('a journal is read from its end, and an older page stays while entries come', async () => {
    const open = await dashboards.open(fill, { view: 'journal/journal/orders' })
    const { page, server } = open
    const first = (): Promise<string | null> => page.locator('.details li b').first().textContent()
    await expect.poll(first).toBe('#420')
    expect(await page.locator('.details li').count()).toBe(50)
    server.journals.get('orders')?.push({ seq: 421, at: server.now, text: '{}' })
    await expect.poll(first).toBe('#421')
    await page.getByRole('button', { name: 'Older' }).click()
    await expect.poll(first).toBe('#371')
    expect(await page.locator('.tail .count, .details .count').first().textContent()).toBe('322–371 of 1–421')
    server.journals.get('orders')?.push({ seq: 422, at: server.now, text: '{}' })
    const asked = server.requests.filter((request) => request.startsWith('GET /detail')).length
    await expect
      .poll(() => server.requests.filter((request) => request.startsWith('GET /detail')).length)
      .toBeGreaterThan(asked + 1)
    expect(await first()).toBe('#371')
    await page.getByRole('button', { name: 'Newest' }).click()
    await expect.poll(first).toBe('#422')
  })

  test('11 there are no actions where the server allows none', async () => {
    const open = await dashboards.open(fill, { view: 'process/process/p7' })
    await expect.poll(() => heading(open.page)).toBe('cart-1')
    expect(await open.page.locator('.details .bar button').allTextContents()).toEqual(['×', 'Show state'])
  })

  test('an action asks first, and tells how it went', async () => {
    const open = await dashboards.open(
      (server) => {
        fill(server)
        server.hello = { ...server.hello, actions: true }
      },
      { view: 'process/process/p7' },
    )
    const { page, server } = open
    const dialog = page.getByRole('dialog', { name: 'kill cart-1?' })
    await page.getByRole('button', { name: 'kill' }).click()
    await dialog.waitFor()
    expect(await dialog.textContent()).toContain('A supervisor may start it again.')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Cancel')
    await page.keyboard.press('Escape')
    await expect.poll(() => dialog.count()).toBe(0)
    expect(server.actions).toEqual([])
    expect(await heading(page)).toBe('cart-1')
    await page.getByRole('button', { name: 'kill' }).click()
    await dialog.getByRole('button', { name: 'kill' }).click()
    await expect.poll(() => page.locator('#said').textContent()).toBe('kill cart-1: done')
    expect(server.actions).toEqual([{ type: 'action', id: 1, action: 'kill', key: 'p7' }])
    server.hello = { ...server.hello, actions: false }
    await page.getByRole('button', { name: 'stop' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'stop' }).click()
    await expect
      .poll(() => page.locator('#said').textContent())
      .toBe('stop cart-1: Actions are off. (KEELSON_OBSERVE_ACTIONS_OFF)')
  })
})
