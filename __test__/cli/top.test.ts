import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import { FakeObserved } from '../support/fake-observed.ts'
import { root } from '../support/root.ts'
import { missingTmux, Terminal } from '../support/terminal.ts'

const main = join(root, 'dist', 'cli.js')
const reason = missingTmux === undefined ? '' : ` (${missingTmux})`

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keelson-top-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

let sockets = 0
/** Starts a service with three processes. */
async function startService(): Promise<{ service: FakeObserved; path: string }> {
  const service = new FakeObserved()
  const path = join(folder, `${sockets++}.sock`)
  service.addProcess('app', { kind: 'Supervisor' })
  service.addProcess('cart', {}, 'app')
  service.addProcess('stock', { mailbox: 2 }, 'app')
  await service.listen(path)
  onTestFinished(() => service.close())
  return { service, path }
}

/** Returns whether a process runs. */
function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Runs `keelson top` without a terminal. */
function withoutTerminal(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, XDG_RUNTIME_DIR: join(folder, 'run') }
    // A session of its own has no terminal.
    const child = spawn(process.execPath, [main, 'top', ...args], {
      detached: true,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk) => (stdout += String(chunk)))
    child.stderr.on('data', (chunk) => (stderr += String(chunk)))
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

describe('without a dashboard to show', () => {
  test('15 no terminal: it says so and ends', async () => {
    const { path } = await startService()
    const { code, stdout, stderr } = await withoutTerminal(path)
    expect([code, stdout]).toEqual([3, ''])
    expect(stderr).toMatch(/^keelson: There is no terminal to draw on \(.+\)\. Run the program in a terminal, .+\n$/)
  })

  test.each([
    [['999999999'], 'There is no process 999999999: pass the pid of a service that runs'],
    [[String(process.pid)], `Process ${process.pid} is not observed: there is no `],
    [['/no/such.sock'], 'There is no /no/such.sock: pass a pid, a socket or an address'],
    [[root], `${root} is no socket: pass the one that observe() returned`],
    [['https://example.com'], 'https is not spoken: forward the port of the service to this machine, and use http'],
    [[], 'No service is observed: there is no socket in '],
  ])('%j is refused with what to do', async (args, sentence) => {
    const { code, stderr } = await withoutTerminal(...args)
    expect(stderr).toContain(`keelson: ${sentence}`)
    expect(code).toBe(3)
  })

  test('several services: it names their pids', async () => {
    const sleepers = [0, 1].map(() =>
      spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e9)'], { stdio: 'ignore' }),
    )
    onTestFinished(() => void sleepers.map((child) => child.kill()))
    const run = join(folder, 'run', 'keelson')
    mkdirSync(run, { recursive: true })
    onTestFinished(() => rmSync(run, { recursive: true }))
    for (const { pid } of sleepers) writeFileSync(join(run, `${pid}.sock`), '')
    const pids = sleepers.map(({ pid }) => pid as number).toSorted((one, other) => one - other)
    expect((await withoutTerminal()).stderr).toContain(`pass one of the pids ${pids.join(', ')}`)
  })

  test.each([
    [['--theme', 'pink'], '--theme must be one of dark, light'],
    [['--layout', 'ful'], '--layout must be one of full, compact, minimal'],
    [['--refresh', '1'], '--refresh must be an integer from 50 to 60000'],
    [['a', 'b'], 'arguments must be no more than top takes'],
    [['--json'], 'arguments must be no more than top takes'],
  ])('%j are wrong arguments', async (args, sentence) => {
    const { code, stderr } = await withoutTerminal(...args)
    expect(stderr).toContain(sentence)
    expect(code).toBe(2)
  })

  test('--help names top and its options', async () => {
    const { code, stdout } = await withoutTerminal('--help')
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining('keelson top [<pid> | <socket> | <url>] [--refresh <ms>]'),
    ])
  })
})

describe.skipIf(missingTmux !== undefined)(`in a terminal${reason}`, () => {
  let service: FakeObserved
  let path = ''
  beforeEach(async () => {
    ;({ service, path } = await startService())
  })

  const top = (...flags: string[]): string => [process.execPath, main, 'top', path, ...flags].join(' ')

  /** Opens a terminal in which top shows the service. */
  async function open(columns: number = 120, rows: number = 34, ...flags: string[]): Promise<Terminal> {
    const terminal = new Terminal(columns, rows)
    terminal.line(top(...flags))
    await terminal.shows('● live')
    await terminal.shows('stock')
    return terminal
  }

  test('a process gets 100 messages, and its row changes', async () => {
    const terminal = await open()
    await terminal.shows(/│cart +running +0 +0 /)
    service.set('process', 'cart', 'messages', 100)
    await terminal.shows(/│cart +running +0 +100 /)
  })

  test('tree, table, load and events are drawn, and the layouts', async () => {
    const terminal = await open()
    service.addEvent('crashed', 'cart', 'TypeError: no price')
    await terminal.shows(/crashed +cart +TypeError: no price/)
    const full = terminal.screen()
    for (const part of ['╭ Tree ', '╭ Processes 3 ', '╭ Load ', '╭ Events ', '▾ ● app']) expect(full).toContain(part)
    terminal.keys('2')
    await terminal.hides('╭ Load ')
    expect(terminal.screen()).toContain('╭ Tree ')
    terminal.keys('3')
    await terminal.hides('╭ Tree ')
    terminal.keys('1')
    await terminal.shows('╭ Load ')
  })

  test('keys search, sort, help and unknown keys', async () => {
    const terminal = await open()
    terminal.keys('/', 'c', 'a', 'r')
    await terminal.shows('/car█')
    await terminal.shows('╭ Processes 1 ')
    expect(service.requests).toContainEqual(
      expect.objectContaining({ type: 'watch', tables: [expect.objectContaining({ filter: 'car' })] }),
    )
    terminal.keys('Escape')
    await terminal.shows('╭ Processes 3 ')
    terminal.keys('s')
    await terminal.shows('╭ Sort by ')
    terminal.keys('Down', 'Enter')
    await terminal.hides('╭ Sort by ')
    await terminal.shows('╰ by messages ▾')
    const watched = (): unknown => service.requests.findLast(({ type }) => type === 'watch')
    await expect.poll(watched).toMatchObject({ tables: [{ by: 'messages' }] })
    terminal.keys('?')
    await terminal.shows('leave the dashboard; the program goes on')
    terminal.keys('Escape')
    await terminal.hides('leave the dashboard')
    terminal.keys('z')
    await terminal.shows('z does nothing here; ? lists the keys')
  })

  test('3 a process that ends while its detail is shown is gone', async () => {
    const terminal = await open()
    terminal.keys('Enter')
    await terminal.shows('╭ Processes: stock ─')
    await terminal.shows(/mailbox +2 /)
    service.removeProcess('stock')
    await terminal.shows('╭ Processes: stock — gone ')
    await terminal.shows('This is what it was')
    terminal.keys('Escape')
    await terminal.hides('gone')
    await terminal.hides('│stock')
  })

  test('a journal is paged from its end', async () => {
    service.tables.get('journal')?.set('audit', ['audit', 'disk', 200, 1, 201, 4096, 0, 'default'])
    for (let seq = 1; seq <= 200; seq++) service.journal.push({ seq, at: 0, text: `entry ${seq}.` })
    const terminal = await open()
    terminal.keys('Left')
    await terminal.shows('│audit')
    terminal.keys('Enter')
    await terminal.shows('entry 200.')
    for (let page = 0; page < 5; page++) terminal.keys('NPage')
    await terminal.shows('entry 140.')
    expect(service.requests).toContainEqual(expect.objectContaining({ type: 'journal', before: 151 }))
  })

  test('a stall is named while it lasts', async () => {
    const terminal = await open()
    service.stalled = { forMs: 1234, key: 'cart', name: 'cart', message: 'add', handler: 'handleCast' }
    await terminal.shows('main is blocked for 1.23 s by cart in handleCast of “add”')
    service.stalled = null
    await terminal.hides('is blocked for')
  })

  test('a service that goes away is shown as gone, and one that comes back as live', async () => {
    const terminal = await open()
    service.change = (frame) => (frame['type'] === 'hello' ? undefined : frame)
    service.disconnect()
    await terminal.shows('The service is gone: the connection ended. Trying again; q leaves.')
    expect(terminal.screen()).toContain('stock')
    service.change = (frame) => frame
    service.disconnect()
    await terminal.shows('● live')
  })

  test('15 a storm of resizes, and a terminal of 20 columns and 5 lines', async () => {
    const terminal = await open()
    for (let step = 0; step < 40; step++) terminal.resize(20 + ((step * 37) % 140), 5 + ((step * 11) % 40))
    terminal.resize(20, 5)
    await expect.poll(() => terminal.screen()).toMatch(/^ played +● live\nProcesses\nstock\n.+\n q quit {2}\? help\n$/)
    terminal.resize(100, 30)
    await terminal.shows('╭ Tree ')
    terminal.keys('q')
    await terminal.hides('live')
  })

  test('15 wide and hostile names', async () => {
    service.addProcess('店舗订单处理器', { mailbox: 9 })
    service.addProcess('evil\x1b[2J\x07\r\nname', { mailbox: 8 })
    const terminal = await open()
    await terminal.shows('│店舗订单处理器 ')
    await terminal.shows('│evil·[2J···name ')
    expect(terminal.screen()).toContain('╭ Processes 5 ')
  })

  test.each([
    ['q', 0, (terminal: Terminal) => terminal.keys('q')],
    ['Escape', 0, (terminal: Terminal) => terminal.keys('Escape')],
    ['Ctrl-C', 130, (terminal: Terminal) => terminal.keys('C-c')],
    ['SIGTERM', 143, undefined],
    ['SIGHUP', 129, undefined],
    ['SIGINT', 130, undefined],
  ] as const)('12 the terminal is as before after %s', async (how, code, leave) => {
    const terminal = new Terminal()
    const before = await terminal.state()
    expect(before).toMatchObject({ isAlternate: false, hasCursor: true })
    const pid = join(folder, `pid-${how}`)
    terminal.line(`sh -c 'echo $$ > ${pid}; exec ${top()}'`)
    await terminal.shows('● live')
    const number = Number(readFileSync(pid, 'utf8'))
    expect(number).toBeGreaterThan(1)
    if (leave === undefined) process.kill(number, how)
    else leave(terminal)
    await terminal.hides('● live')
    // What is typed before the program has ended may still be read without the settings of a line.
    await expect.poll(() => runs(number)).toBe(false)
    terminal.line('echo "ended with $?"')
    await terminal.shows(`ended with ${code}`)
    expect(await terminal.state()).toEqual(before)
  })

  test('13 q leaves the service running', async () => {
    const terminal = await open()
    terminal.keys('q')
    await expect.poll(() => service.sessions).toBe(0)
    const again = await open()
    expect(again.screen()).toContain('stock')
  })
})
