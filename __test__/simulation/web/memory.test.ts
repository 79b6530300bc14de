/** Runs with servers and requests that end anyhow leave nothing behind, and nothing of them goes on. */
import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'

import { programs } from '../../support/programs.ts'
import { root } from '../../support/root.ts'
import { passes } from '../explored.ts'

const RUNS = programs(120)

const PROGRAM = `
  const { explore } = require('keelson/simulation')
  const { GenServer } = require('keelson/otp')
  const echo = (request, response) => request.on('data', (part) => response.write(part)).on('end', () => response.end())
  const program = async (sim) => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => sim.system(name))
    sim.listen('echo', echo, { system: b })
    sim.listen('stuck', () => new Promise(() => {}), { system: c })
    const post = { method: 'POST', body: Buffer.alloc(10_000) }
    for (let turn = 0; turn < 3; turn++) await (await sim.fetch('http://echo/', post, { system: a })).arrayBuffer()
    await sim.fetch('http://echo/', post, { system: a })
    void sim.fetch('http://stuck/', post, { system: a }).catch(() => {})
    const ref = await GenServer.start({ init: () => 0, handleCall: (_, state) => [state, state] }, { system: b })
    sim.network.partition(a, b)
    void sim.inside(a, () => GenServer.call(ref, 1)).catch(() => {})
    await sim.history().record('client', 'op', () => 'seen')
  }
  const used = async () => {
    for (let turn = 0; turn < 5; turn++) {
      gc()
      await new Promise(setImmediate)
    }
    const { heapUsed, external, arrayBuffers } = process.memoryUsage()
    return heapUsed + external + arrayBuffers
  }
  const main = async () => {
    await explore(program, { runs: 50, seed: 1 })
    const before = await used()
    const { failure } = await explore(program, { runs: ${RUNS}, seed: 2 })
    if (failure !== undefined) throw failure.error
    process.stdout.write(String((await used()) - before))
  }
  main()
`

it('memory stays flat', () => {
  const grown = Number(execFileSync(process.execPath, ['--expose-gc', '-e', PROGRAM], { cwd: root, encoding: 'utf8' }))
  // One run that is kept has 100 KB.
  expect(grown).toBeLessThan(3_000_000)
})

it('nothing of a run goes on when it is over', async () => {
  let wentOn = 0
  await passes(async (sim) => {
    const [a, b] = [sim.system('a'), sim.system('b')]
    sim.listen('api', (_, response) => void response.on('close', () => wentOn++), { system: b })
    sim
      .fetch('http://api/', {}, { system: a })
      .catch(() => undefined)
      .finally(() => wentOn++)
    await sim.clock.sleep(1)
  })
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
  expect(wentOn).toBe(0)
})
