/** The dashboard of a program, in a real terminal. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Dashboard } from 'keelson/dashboard'
import { createTestSystem } from 'keelson/testing'
import { describe, expect, onTestFinished, test } from 'vitest'

import { missingTmux, Terminal } from '../support/terminal.ts'

const program = join(import.meta.dirname, 'shown-program.mjs')
const reason = missingTmux === undefined ? '' : ` (${missingTmux})`

/** A line with nothing but the shell's prompt. */
const PROMPT = /^\$$/m

/** A program that shows its dashboard in a terminal. */
class Shown {
  readonly terminal: Terminal
  readonly #folder = mkdtempSync(join(tmpdir(), 'keelson-shown-'))

  constructor() {
    // After the terminal was closed. The program may still be about to end.
    onTestFinished(() => rmSync(this.#folder, { recursive: true, force: true, maxRetries: 100 }))
    this.terminal = new Terminal()
  }

  /** Starts the program, and waits until it draws. */
  async start(scenario: string): Promise<void> {
    this.terminal.line(`${process.execPath} ${program} ${this.#folder} ${scenario}`)
    await this.noted('pid')
    if (scenario === 'worker') await this.noted('worker')
    await this.terminal.shows('● live')
    await this.terminal.shows(/│cart +running/)
  }

  /** Waits until the program has written a note. */
  async noted(name: string): Promise<void> {
    await expect.poll(() => existsSync(join(this.#folder, name))).toBe(true)
  }

  /** Sends a signal to the program. SIGUSR2 lets its scenario go on. */
  signal(name: NodeJS.Signals = 'SIGUSR2'): void {
    const pid = Number(readFileSync(join(this.#folder, 'pid'), 'utf8'))
    expect(pid).toBeGreaterThan(1)
    process.kill(pid, name)
  }

  /** Returns how often the program has done its work. */
  beats(): number {
    return Number(readFileSync(join(this.#folder, 'beat'), 'utf8'))
  }
}

describe.skipIf(missingTmux !== undefined)(`in a terminal${reason}`, () => {
  test('a process gets 100 messages, and its row changes', async () => {
    const shown = new Shown()
    await shown.start('cast')
    await shown.terminal.shows(/│cart +running +0 +0 /)
    shown.signal()
    await shown.terminal.shows(/│cart +running +0 +100 /)
    expect(shown.terminal.screen()).toMatch(/▾ ● shop .*Supervisor/)
  })

  test('a crash is an event, and counted', async () => {
    const shown = new Shown()
    await shown.start('crash')
    shown.signal()
    await shown.terminal.shows(/crashed +cart/)
    await shown.terminal.shows(/ 1 crash$/m)
  })

  test('selectProcess shows the details, and refuses an id that nobody has', async () => {
    const shown = new Shown()
    await shown.start('select')
    shown.signal()
    await shown.terminal.shows('╭ Processes: ')
    await shown.terminal.shows(/name +cart/)
    shown.terminal.keys('Escape')
    await shown.terminal.hides('╭ Processes: ')
    shown.terminal.keys('q')
    await shown.terminal.shows('KEELSON_DASHBOARD_NO_PROCESS')
  })

  test('16 it draws while JavaScript is blocked for 5 s, and names process and message', async () => {
    const shown = new Shown()
    await shown.start('block')
    shown.signal()
    const line = /main is blocked for (\d+ ms|[\d.]+ s) by cart in handleCast of “add”/
    await shown.terminal.shows(line)
    const beats = shown.beats()
    // Keys work meanwhile.
    shown.terminal.keys('3')
    await shown.terminal.hides('╭ Tree ')
    shown.terminal.keys('1')
    await shown.terminal.shows('╭ Tree ')
    expect(shown.beats()).toBe(beats)
    await shown.terminal.hides('is blocked for')
    await expect.poll(() => shown.beats()).toBeGreaterThan(beats)
    await shown.terminal.shows(/1 stall, the longest 5\.\d+ s/)
  })

  test('13 q leaves the program running, and its output appears', async () => {
    const shown = new Shown()
    await shown.start('none')
    shown.terminal.keys('q')
    await shown.terminal.hides('● live')
    const beats = shown.beats()
    await expect.poll(() => shown.beats()).toBeGreaterThan(beats + 2)
    shown.terminal.keys('C-c')
    await shown.terminal.shows(PROMPT)
  })

  test('14 a flood of output leaves the screen intact, and comes after it', async () => {
    const shown = new Shown()
    await shown.start('flood')
    shown.signal()
    await shown.terminal.shows('o: output 20,001')
    expect(shown.terminal.screen()).not.toContain('spoilt')
    shown.terminal.keys('o')
    await shown.terminal.shows('╭ Output ')
    await shown.terminal.shows('the flood ends')
    const screen = shown.terminal.screen()
    expect(screen).toMatch(/│flood 19999 #{50}/)
    for (const part of ['╭ Tree ', '╭ Processes ', '╭ Load ']) expect(screen).toContain(part)
    shown.terminal.keys('q')
    await shown.terminal.hides('╭ Tree ')
    await shown.terminal.shows('the flood ends')
  })

  test.each([
    ['process.exit', 'exit', undefined, 7],
    ['an uncaught exception', 'throw', undefined, 1],
    ['an unhandled rejection', 'reject', undefined, 1],
    ['SIGTERM', 'none', 'SIGTERM', 143],
    ['SIGHUP', 'none', 'SIGHUP', 129],
    ['SIGQUIT', 'none', 'SIGQUIT', 131],
    ['a SIGTERM that the program handles', 'handled', 'SIGTERM', 0],
  ] as const)('12 the terminal is as before after %s', async (_, scenario, signal, code) => {
    const shown = new Shown()
    const before = await shown.terminal.state()
    await shown.start(scenario)
    shown.signal(signal)
    await shown.terminal.hides('● live')
    if (scenario === 'throw' || scenario === 'reject') await shown.terminal.shows('Error: planned')
    if (scenario === 'handled') await shown.terminal.shows('handled, false')
    await shown.terminal.shows(PROMPT)
    shown.terminal.line('echo "ended with $?"')
    await shown.terminal.shows(`ended with ${code}`)
    expect(await shown.terminal.state()).toEqual(before)
  })

  test('12 the terminal is as before after Ctrl-C, which interrupts the program', async () => {
    const shown = new Shown()
    const before = await shown.terminal.state()
    await shown.start('none')
    shown.terminal.keys('C-c')
    await shown.terminal.hides('● live')
    shown.terminal.line('echo "ended with $?"')
    await shown.terminal.shows('ended with 130')
    expect(await shown.terminal.state()).toEqual(before)
  })

  test('12 the terminal is as before after the end of the worker that started it', async () => {
    const shown = new Shown()
    const before = await shown.terminal.state()
    await shown.start('worker')
    shown.signal()
    await shown.terminal.shows('the worker has ended')
    shown.terminal.keys('C-c')
    await shown.terminal.shows(PROMPT)
    expect(await shown.terminal.state()).toEqual(before)
  })

  test('stop() restores the terminal before it returns', async () => {
    const shown = new Shown()
    await shown.start('stop')
    shown.signal()
    await shown.terminal.shows('stopped, false, minimal')
    expect(shown.terminal.screen()).not.toContain('● live')
  })

  test('23 a second dashboard is refused, stop() may be called twice, and start() after it', async () => {
    const shown = new Shown()
    await shown.start('twice')
    shown.signal()
    await shown.noted('again')
    await shown.terminal.shows('● live')
    shown.terminal.keys('q')
    await shown.terminal.shows('KEELSON_DASHBOARD_RUNNING')
  })
})

test('15 without a terminal, start() says so and changes nothing', async () => {
  const code = `import { Dashboard } from 'keelson/dashboard'
    const dashboard = new Dashboard()
    try { dashboard.start() } catch ({ code, message }) { console.log(code, message, dashboard.isRunning()) }`
  // A session of its own has no terminal.
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  await new Promise((resolve) => child.on('close', resolve))
  expect(output).toMatch(/^KEELSON_DASHBOARD_NO_TERMINAL There is no terminal to draw on \(.+\)\. Run .+ false\n$/)
})

test('before start() it has its layout, and its calls do nothing', () => {
  const system = createTestSystem()
  const dashboard = new Dashboard({ layout: 'compact', system })
  expect([dashboard.isRunning(), dashboard.getLayout()]).toEqual([false, 'compact'])
  dashboard.refresh()
  dashboard.stop()
  dashboard.switchLayout('minimal')
  expect(dashboard.getLayout()).toBe('minimal')
  expect(() => dashboard.switchLayout('ful' as never)).toThrow(
    expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field: 'layout' }),
  )
  expect(() => dashboard.selectProcess('nobody')).toThrow(
    expect.objectContaining({ code: 'KEELSON_DASHBOARD_NO_PROCESS', processId: 'nobody' }),
  )
})

test.each([
  [{ theme: 'pink' }, 'options.theme', 'one of dark, light'],
  [{ layout: 'tiny' }, 'options.layout', 'one of full, compact, minimal'],
  [{ refreshInterval: 1 }, 'options.refreshInterval', 'an integer from 50 to 60000'],
  [{ maxEventLogSize: 0 }, 'options.maxEventLogSize', 'an integer from 1 to 10000'],
])('%j is refused', (options, field, expected) => {
  expect(() => new Dashboard(options as never)).toThrow(
    expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field, message: expect.stringContaining(expected) }),
  )
})
