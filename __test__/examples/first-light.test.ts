import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { compileExamples, mainOf } from '../../scripts/lib/examples.mjs'
import { flood } from './flood.ts'

const main = mainOf('first-light')

beforeAll(() => compileExamples())

function start(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  return { child, output: () => output }
}

/** Processes that a process started and that still run. */
const childrenOf = (pid: number): number[] =>
  execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent, state]) => Number(parent) === pid && !state!.startsWith('Z'))
    .map(([child]) => Number(child))

const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

// In virtual time, so that what is judged is the gate and not how fast the machine is just now.
describe('the service at twice its capacity', () => {
  it('keeps working behind its door', async () => {
    const { summary, missed } = await flood(7, {})
    expect(missed).toEqual([])
    expect(summary.goodput).toBeGreaterThan(0.75)
    expect(summary.critical).toBeGreaterThan(0.95)
    expect(summary.p99).toBeLessThan(500)
    expect(summary.sheds).toBeGreaterThan(500)
  })

  it('collapses without it', async () => {
    const { summary } = await flood(7)
    expect(summary.goodput).toBeLessThan(0.5)
    expect(summary.critical).toBeLessThan(0.5)
    expect(summary.recovery).toBeUndefined()
    expect(summary.sheds).toBe(0)
  })

  it('misses each bar behind a gate that admits everything', async () => {
    const { summary, missed } = await flood(7, { shadow: true })
    expect(missed).toHaveLength(3)
    expect(summary.goodput).toBeLessThan(0.5)
    expect(summary.critical).toBeLessThan(0.5)
  })
})

describe.sequential('first light', () => {
  it('runs both servers and prints what became of their clients', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'first-light-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'result.json')
    const { child, output } = start('--seconds', '3', '--json', file)
    const [code] = await once(child, 'close')
    expect(code).toBe(0)
    expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')))).toEqual(['capacity', 'phases', 'bare', 'protected'])
    expect(output()).toMatch(/goodput +critical +p50 +p99 +recovery +sheds/)
    expect(output()).toMatch(/protected +\d+\.\d % +\d+\.\d % +(\d+ ms|–) +(\d+ ms|–)/)
    expect(output()).toMatch(/goodput of at least 90 % of capacity/)
    for (const name of ['bare', 'protected']) {
      expect(output().match(new RegExp(`^${name} +\\d+ s `, 'gm'))!.length).toBeGreaterThan(1)
    }
  })

  it.skipIf(process.platform === 'win32').each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGKILL', null],
  ] as const)('leaves nothing behind after %s', async (signal, expected) => {
    const { child, output } = start()
    while (!output().includes('bare ')) await new Promise((resolve) => setTimeout(resolve, 50))
    const servers = childrenOf(child.pid!)
    expect(servers).toHaveLength(1)
    child.kill(signal)
    const [code] = await once(child, 'close')
    expect(code).toBe(expected)
    await expect.poll(() => servers.filter(lives), { timeout: 5000 }).toEqual([])
  })

  it.each(['--dashboard', '--watch'])('%s prints the URL of its page where there is no terminal', async (flag) => {
    const { child, output } = start(flag)
    onTestFinished(() => void child.kill('SIGKILL'))
    await expect.poll(output).toMatch(/http:\S+\?token=\S+\s/)
    const [url = ''] = /http:\S+/.exec(output()) ?? []
    const entered = await fetch(url, { redirect: 'manual' })
    expect([entered.status, entered.headers.get('location')]).toEqual([303, '/'])
    const authorization = `Bearer ${new URL(url).searchParams.get('token')}`
    const names = async (): Promise<unknown> => {
      const response = await fetch(new URL('/page?kind=process', url), { headers: { authorization } })
      const { rows } = (await response.json()) as { rows: [string, unknown[]][] }
      return rows.map(([, cells]) => cells[1]).toSorted()
    }
    const shop = ['ledger', 'mailer-invoices', 'mailer-news', 'mailer-orders', 'mailers', 'products', 'report', 'shop']
    // A crash takes the ledger away for a moment.
    await expect.poll(names).toEqual(shop)
    child.kill('SIGTERM')
    await once(child, 'close')
  })

  it('refuses arguments it does not know', async () => {
    const child = spawn(process.execPath, [main, '--seconds', 'many'], { stdio: ['ignore', 'ignore', 'pipe'] })
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
    const [code] = await once(child, 'close')
    expect(code).toBe(1)
    expect(complaint).toContain("--seconds must be a number from 3 to 3600, not 'many'.\n")
  })
})
