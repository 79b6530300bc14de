// Types of playwright-core name elements of a page.
/// <reference lib="dom" />
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

import { debianTool } from './debian-tool.ts'

const tool = debianTool('chromium', ['chromium', 'chromium-browser', 'google-chrome'])

/** The reason for which no page can be opened; `undefined` when there is a Chromium. */
export const missingChromium: string | undefined = tool.reason

/** Makes no requests of its own, and needs no sandbox of the kernel: it opens our own pages alone. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Starts a headless Chromium with an empty profile. Close it in the end. */
export function launchChromium(): Promise<Browser> {
  const command = tool.command ?? ''
  const paths = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, command))
  const executablePath = command.includes('/') ? command : paths.find((path) => existsSync(path))
  if (executablePath === undefined) throw new Error(`no ${command} on the PATH`)
  return chromium.launch({ executablePath, headless: true, args: ARGS })
}
