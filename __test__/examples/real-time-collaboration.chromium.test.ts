import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { compileExamples, mainOf } from '../../scripts/lib/examples.mjs'
import { launchChromium, missingChromium } from '../support/chromium.ts'

/** The program in a process of its own. */
class Program {
  url = ''
  readonly #folder = mkdtempSync(join(tmpdir(), 'keelson-documents-'))
  #child: ChildProcess | undefined

  /** Starts it at a free port, and again at the same one. */
  async start(): Promise<void> {
    const port = this.url === '' ? '0' : new URL(this.url).port
    const args = [mainOf('real-time-collaboration'), '--folder', this.#folder, '--port', port]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child = child
    const [text] = (await once(child.stdout, 'data')) as [Buffer]
    this.url = /http:\/\/[\d.]+:\d+/.exec(String(text))![0]
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    if (this.#child !== undefined) await once(this.#child, 'exit')
    this.#child = undefined
  }

  async end(): Promise<void> {
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

const title = `two tabs${missingChromium === undefined ? '' : ` (skipped: ${missingChromium})`}`

describe.skipIf(missingChromium !== undefined)(title, () => {
  let browser: Browser
  let program: Program
  let tabs: [Page, Page]
  /** The requests of the tabs to anything but the program, and the errors in them. */
  let faults: string[]

  beforeAll(async () => {
    await compileExamples()
    browser = await launchChromium()
  })
  afterAll(() => browser.close())
  beforeEach(async () => {
    faults = []
    program = new Program()
    await program.start()
    tabs = [await open(), await open()]
  })
  afterEach(async () => {
    for (const tab of tabs) await tab.close()
    await program.end()
  })

  async function open(): Promise<Page> {
    const page = await browser.newPage()
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('console', (message) => {
      // A browser reports each attempt to reach a server that is gone.
      if (message.type() === 'error' && !message.text().includes('WebSocket')) faults.push(message.text())
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(program.url) && !request.url().startsWith('data:')) faults.push(request.url())
    })
    await page.goto(`${program.url}/#minutes`)
    return page
  }

  const text = (tab: Page) => tab.locator('#text')
  const value = (tab: Page): Promise<string> => text(tab).inputValue()
  const status = (tab: Page) => tab.locator('#status').textContent()
  const editors = (tab: Page) => tab.locator('#editors li').count()

  /** Waits until both tabs show a text, and say that it is saved. */
  async function bothShow(expected: string): Promise<void> {
    for (const tab of tabs) {
      await expect.poll(() => value(tab)).toBe(expected)
      await expect.poll(() => status(tab)).toBe('saved')
    }
  }

  test('show the same text while both type', async () => {
    const [one, two] = tabs
    await expect.poll(() => editors(one)).toBe(2)
    await expect.poll(() => editors(two)).toBe(2)
    await text(one).pressSequentially('one 😀')
    await bothShow('one 😀')
    await text(two).press('Home')
    // The first types at the end, and the second at the beginning.
    await Promise.all([text(one).pressSequentially(' and more'), text(two).pressSequentially('two ')])
    await bothShow('two one 😀 and more')
    await text(two).press('Home')
    for (let count = 0; count < 4; count++) await text(two).press('Delete')
    await bothShow('one 😀 and more')
    expect(faults).toEqual([])
  })

  test('go on typing while the server is gone, and merge when it is back', async () => {
    const [one, two] = tabs
    await text(one).pressSequentially('saved')
    await bothShow('saved')
    await program.kill()
    for (const tab of tabs) await expect.poll(() => status(tab)).toContain('offline')
    await text(one).press('End')
    await text(one).pressSequentially(' by one')
    await text(two).press('Home')
    await text(two).pressSequentially('two ')
    expect([await value(one), await value(two)]).toEqual(['saved by one', 'two saved'])
    await program.start()
    await bothShow('two saved by one')
    expect(faults).toEqual([])
  })

  test('show earlier texts', async () => {
    const [one, two] = tabs
    for (const word of ['a', 'b', 'c']) await text(one).pressSequentially(word)
    await bothShow('abc')
    await two.locator('#history').fill('2')
    await expect.poll(() => two.locator('#past').textContent()).toBe('ab')
    expect(await value(two)).toBe('abc')
  })
})
