import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..', '..', '..')

interface Result {
  readonly sent: number
  readonly questions: number
  readonly handled: number
  readonly lost: number
  readonly refused: number
  readonly calls: number
  readonly answered: number
  readonly rejected: number
  readonly crashes: number
  readonly faults: readonly string[]
  readonly met: boolean
}

describe('a tree that crashes every 1,000th message', () => {
  it('accounts for each of 300,000 messages, and settles every call', () => {
    const args = ['--messages', '300000', '--accounting', '--json']
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'scripts/soak/actor.mjs'), ...args], {
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    const result = JSON.parse(stdout) as Result
    expect(result.faults).toEqual([])
    expect(result.handled + result.lost + result.refused).toBe(result.sent + result.questions)
    expect(result.answered + result.rejected).toBe(result.calls)
    // Some crash messages are lost behind another crash.
    expect(result.crashes).toBeGreaterThan(250)
    expect(result.lost).toBeGreaterThan(1000)
    expect(result.rejected).toBeGreaterThan(100)
    expect(result.met).toBe(true)
    expect(status).toBe(0)
  })
})
