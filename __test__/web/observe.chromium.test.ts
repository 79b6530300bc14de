/** The page as the server of `observe()` serves it, for a service in a process of its own. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { launchChromium, missingChromium } from '../support/chromium.ts'
import { root } from '../support/root.ts'

const reason = missingChromium === undefined ? '' : ` (skipped: ${missingChromium})`
const program = join(root, '__test__', 'web', 'support', 'service.mjs')

describe.skipIf(missingChromium !== undefined)(`the page of observe()${reason}`, () => {
  let browser: Browser
  let child: ChildProcessByStdio<Writable, Readable, null>
  let page: Page
  let url: URL
  let faults: string[]

  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())

  beforeEach(async () => {
    child = spawn(process.execPath, [program], { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] })
    const failed = once(child, 'exit').then(() => Promise.reject(new Error('The service ended before it listened.')))
    const [line] = (await Promise.race([once(child.stdout, 'data'), failed])) as [Buffer]
    failed.catch(() => {})
    url = new URL(String(line).trim())
    faults = []
    page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage()
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text())
    })
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== url.origin) faults.push(request.url())
    })
  })
  afterEach(async () => {
    await page.context().close()
    child.kill('SIGKILL')
    await once(child, 'close')
    expect(faults).toEqual([])
  })

  const say = (line: string): void => void child.stdin.write(`${line}\n`)
  const open = async (view = ''): Promise<void> => {
    await page.goto(url.href)
    await page.locator('#nav a').first().waitFor()
    if (view !== '') await page.goto(`${url.origin}/#${view}`)
  }
  const row = (name: string) => page.locator('main tbody tr', { has: page.getByRole('link', { name, exact: true }) })
  const cells = (name: string): Promise<string[]> => row(name).locator('td').allTextContents()

  test('the token of the URL becomes a cookie that scripts cannot read, and is in no body', async () => {
    const bodies: Promise<string>[] = []
    page.on('response', (response) => {
      // The rest of a body may come no more once the page is closed.
      if (!response.url().includes('/stream') && response.status() === 200) bodies.push(response.text().catch(() => ''))
    })
    await open()
    expect(page.url()).toBe(`${url.origin}/`)
    expect(await page.context().cookies()).toMatchObject([{ httpOnly: true, sameSite: 'Strict' }])
    expect(await page.evaluate(() => document.cookie)).toBe('')
    await expect.poll(() => page.locator('#state').textContent()).toBe('live')
    const token = url.searchParams.get('token')!
    const texts = await Promise.all(bodies.splice(0))
    expect(texts.filter((text) => text !== '').length).toBeGreaterThan(8)
    expect(texts.filter((text) => text.includes(token))).toEqual([])
    expect(await page.content()).not.toContain(token)
    const response = await page.goto(`${url.origin}/`)
    expect(response?.headers()).toMatchObject({
      'content-security-policy': expect.stringContaining("default-src 'self'"),
      'referrer-policy': 'no-referrer',
    })
  })

  test('a process is sent 100 messages, and its row changes', async () => {
    await open('process')
    await expect.poll(() => cells('counter')).toContain('GenServer')
    const head = await page.locator('main thead th').allTextContents()
    const messages = async (): Promise<number> => Number((await cells('counter'))[head.indexOf('messages') - 1])
    const before = await messages()
    say('add 100')
    await expect.poll(messages).toBe(before + 100)
    expect(await page.locator('main tbody th').allTextContents()).toContain('<img src=x onerror=alert(1)>')
    await page.getByRole('searchbox').fill('IMG')
    await expect.poll(() => page.locator('main tbody th').allTextContents()).toEqual(['<img src=x onerror=alert(1)>'])
  })

  test('16 draws while JavaScript is blocked, and names the process, the message and the handler', async () => {
    await open()
    await expect.poll(() => page.locator('#state').textContent()).toBe('live')
    say('block 8000')
    const banner = page.locator('#stalls')
    await expect
      .poll(() => banner.textContent())
      .toMatch(/^The loop of main is blocked: counter handles block in handleCast\. \d.* Show it$/)
    // The page still reads from the native thread.
    await page.goto(`${url.origin}/#process`)
    await expect.poll(() => page.locator('main tbody th').allTextContents()).toContain('counter')
    await expect.poll(() => banner.textContent()).toBe('')
  })

  test('a crash is told, and the details of the process have its stack', async () => {
    await open('events')
    await expect.poll(() => page.locator('#state').textContent()).toBe('live')
    say('crash')
    await expect.poll(() => page.locator('[data-event=crashed]').first().textContent()).toContain('counter')
    await page.goto(`${url.origin}/#process`)
    await page.getByRole('link', { name: 'counter', exact: true }).click()
    await expect.poll(() => page.locator('.path').textContent()).toContain('top › counter')
    await expect
      .poll(() => page.locator('.details details pre').first().textContent())
      .toMatch(/^RangeError: the counter broke\n.*handleCast/s)
  })

  test('an action is carried out', async () => {
    await open('process')
    await page.getByRole('link', { name: 'counter', exact: true }).click()
    await page.getByRole('button', { name: 'restart', exact: true }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'restart' }).click()
    await expect.poll(() => page.locator('#said').textContent()).toBe('restart counter: done')
  })

  test('the state is shown when it is asked for', async () => {
    await open('process')
    say('add 5')
    await page.getByRole('link', { name: 'counter', exact: true }).click()
    await page.getByRole('button', { name: 'Show state' }).click()
    await expect.poll(() => page.locator('.details > pre').textContent()).toBe('5')
  })

  test('the tree, a route and a journal', async () => {
    await open('tree')
    await page.getByRole('treeitem', { name: /^top, Supervisor/ }).focus()
    await page.keyboard.press('ArrowRight')
    await expect.poll(() => page.getByRole('treeitem').count()).toBeGreaterThan(2)
    await page.goto(`${url.origin}/#route`)
    await page.getByRole('link', { name: 'db', exact: true }).click()
    await expect.poll(() => page.locator('figure li').allTextContents()).toContain('base 10')
    await page.goto(`${url.origin}/#journal`)
    await page.locator('main tbody a').first().click()
    await expect.poll(() => page.locator('.details li').first().textContent()).toMatch(/^#119.*"entry":120/)
  })
})
