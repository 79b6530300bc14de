import { join } from 'node:path'
import { openJournal, type Durability } from 'keelson/journal'
import { expect, it } from 'vitest'

import { node } from '../../support/node-program.ts'
import { tempDirectory } from '../../support/temp-directory.ts'
import { until } from '../../support/until.ts'

interface Data {
  readonly round: string
  readonly nonce: number
  readonly filler: string
}

const appender = join(import.meta.dirname, 'appender.mjs')

/** Kills a process that appends, at a random moment; what it had been told. */
async function round(path: string, name: string, durability: Durability): Promise<Map<number, number>> {
  const wait = Math.random() * 30
  const { stdout, signal, stderr } = await node([appender, path, name, durability, '16'], async (child, output) => {
    await until(() => output().includes('open ') || child.exitCode !== null)
    await new Promise((resolve) => setTimeout(resolve, wait))
    child.kill('SIGKILL')
  })
  expect(signal, stderr).toBe('SIGKILL')
  // A line that the kill cut is no acknowledgement that anybody got.
  const lines = stdout.slice(0, stdout.lastIndexOf('\n')).split('\n').slice(1)
  return new Map(lines.map((line) => line.split(' ').map(Number) as [number, number]))
}

async function kills(count: number, durability: Durability, path: string): Promise<void> {
  let acknowledged = 0
  let before = 0
  const expected = new Map<number, string>()
  for (let index = 0; index < count; index++) {
    const name = `${durability} ${index}`
    const acks = await round(path, name, durability)
    acknowledged += acks.size
    for (const [sequence, nonce] of acks) expected.set(sequence, `${name}:${nonce}`)
    // Most of the time a process that dies meets what another one left that died.
    if (index % 3 !== 2 && index !== count - 1) continue
    const journal = await openJournal<Data>(path, { segmentBytes: 1 << 16 })
    let next = before
    for (const { sequence, data } of journal.from(before)) {
      expect(sequence).toBe(next++)
      expect(data.filler).toHaveLength((data.nonce * 37) % 600)
      const said = expected.get(sequence)
      if (said !== undefined) expect(`${data.round}:${data.nonce}`).toBe(said)
      expected.delete(sequence)
    }
    expect([...expected.keys()], 'acknowledged and gone').toEqual([])
    before = next
    await journal.close()
  }
  expect(acknowledged).toBeGreaterThan(count)
}

// At the same time: most of it is waiting for processes.
it.concurrent('keeps all that was acknowledged through 80 SIGKILLs', ({ onTestFinished }) =>
  kills(80, 'sync', tempDirectory(onTestFinished)))
it.concurrent("keeps all that was acknowledged through 30 SIGKILLs with durability 'flush'", ({ onTestFinished }) =>
  kills(30, 'flush', tempDirectory(onTestFinished)))
