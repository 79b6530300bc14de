// Types of playwright-core name elements of a page.
/// <reference lib="dom" />
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

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
