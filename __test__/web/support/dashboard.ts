// Types of playwright-core name elements of a page.
/// <reference lib="dom" />
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'

import { launchChromium } from '../../support/chromium.ts'
import { FakeServer } from './fake-server.ts'

/** The page in a tab, and the server behind it. */
export interface Dashboard {
  readonly server: FakeServer
  readonly page: Page
  /** Requests to other origins, errors of scripts, and what the policy of the page refused. */
  readonly faults: string[]
  close(): Promise<void>
}

/** Opens the page of a server, at a view. `prepare` may fill the server before. */
export async function openDashboard(
  browser: Browser,
  prepare: (server: FakeServer) => void = () => {},
  { view = '', ...options }: BrowserContextOptions & { readonly view?: string } = {},
): Promise<Dashboard> {
  const server = new FakeServer()
  prepare(server)
  await server.listen()
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  const page = await context.newPage()
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (message) => {
    // A browser reports each attempt to reach a server that is gone or refuses.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) faults.push(message.text())
  })
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== server.url) faults.push(request.url())
  })
  await page.goto(`${server.url}/${view === '' ? '' : `#${view}`}`)
  await page.locator('#nav a').first().waitFor()
  const close = async (): Promise<void> => {
    await context.close()
    await server.close()
  }
  return { server, page, faults, close }
}

/** The pages that the tests of a suite open, one at a time. */
export interface Dashboards {
  /** The page that was opened last. */
  readonly current: Dashboard
  /** Does what {@link openDashboard} does, in the browser of the suite. */
  open(...options: Parameters<typeof openDashboard> extends [Browser, ...infer Rest] ? Rest : never): Promise<Dashboard>
}

/** Starts a browser for a suite. Each test must end without faults of the page that it opened last, which is closed. */
export function useDashboards(): Dashboards {
  let browser: Browser
  let current: Dashboard
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())
  afterEach(async () => {
    expect(current.faults).toEqual([])
    await current.close()
  })
  return {
    get current() {
      return current
    },
    open: async (...options) => (current = await openDashboard(browser, ...options)),
  }
}
