import { openJournal } from 'keelson/journal'
import { expect, it } from 'vitest'

import { run } from '../../support/node-program.ts'
import { tempDirectory } from '../../support/temp-directory.ts'
import { until } from '../../support/until.ts'

const begin = (path: string, durability: string): string => `
  import { openJournal } from 'keelson/journal'
  const journal = await openJournal(${JSON.stringify(path)}, { durability: '${durability}' })
  for (let index = 0; index < 1000; index++) void journal.append(index).catch(() => {})
`

async function held(path: string): Promise<number> {
  const journal = await openJournal<number>(path)
  expect(journal.recovery.dropped).toEqual([])
  expect(journal.getAll()).toEqual(Array.from({ length: journal.size() }, (_, index) => index))
  const size = journal.size()
  await journal.close()
  return size
}

it.each([
  ['process.exit', 'process.exit(0)', 0],
  ['an uncaught exception', 'throw new Error("gone")', 1],
  ['a rejection nobody handles', 'await Promise.reject(new Error("gone"))', 1],
  ['the end of the program', '', 0],
])('loses nothing that was accepted on %s', async (_, statement, code) => {
  for (const durability of ['sync', 'flush', 'memory']) {
    const path = tempDirectory()
    const child = await run(begin(path, durability) + statement)
    expect(child.code, child.stderr).toBe(code)
    expect(await held(path)).toBe(1000)
  }
})

it('loses nothing that was acknowledged on SIGTERM', async () => {
  for (const durability of ['sync', 'flush']) {
    const path = tempDirectory()
    const program = `${begin(path, durability)}
      await Promise.all(Array.from({ length: 10 }, () => journal.append(0).then(() => {})))
      console.log('acknowledged')
      setInterval(() => {}, 1000)`
    const child = await run(program, {
      meanwhile: async (process, output) => {
        await until(() => output().includes('acknowledged') || process.exitCode !== null)
        process.kill('SIGTERM')
      },
    })
    expect(child.signal).toBe('SIGTERM')
    const journal = await openJournal<number>(path)
    expect(journal.size()).toBe(1010)
    await journal.close()
  }
})

it('loses nothing that was accepted when a worker is terminated', async () => {
  const path = tempDirectory()
  const worker = `
    import { openJournal } from 'keelson/journal'
    import { parentPort } from 'node:worker_threads'
    const journal = await openJournal(${JSON.stringify(path)}, { durability: 'memory' })
    for (let index = 0; index < 1000; index++) journal.append(index)
    parentPort.postMessage('accepted')
    for (;;) {}
  `
  const child = await run(`
    import { Worker } from 'node:worker_threads'
    const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(worker)}.replace("'keelson/journal'", JSON.stringify(import.meta.resolve('keelson/journal'))))))
    worker.on('error', (error) => { console.error(error); process.exit(9) })
    worker.once('message', async () => {
      await worker.terminate()
      process.exit(0)
    })
  `)
  expect(child.code, child.stderr).toBe(0)
  expect(await held(path)).toBe(1000)
})
