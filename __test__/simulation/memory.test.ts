/** An exploration keeps nothing of its runs, and a file repeats a failure in another process. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

import { printRuns, programs } from '../support/programs.ts'
import { root } from '../support/root.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const RUNS = programs(3000)

const RUNS_OF_A_SYSTEM = `
  const { explore } = require('keelson/simulation')
  const { GenServer } = require('keelson/otp')
  const behavior = { init: () => 0, handleCall: (message, state) => [state, state + 1] }
  const program = async (sim) => {
    for (const name of ['a', 'b']) {
      const ref = await GenServer.start(behavior, { system: sim.system(name), name: 'counter' })
      await Promise.all([1, 2, 3].map(() => GenServer.call(ref, 1)))
    }
    void sim.system('a').clock.sleep(1e6)
    const stuck = { init: () => 0, handleCall: () => new Promise(() => {}) }
    void GenServer.call(await GenServer.start(stuck, { system: sim.system('a') }), 1, { timeout: Infinity })
    sim.crash(sim.system('b'))
  }
  const used = async () => {
    // What a finaliser keeps goes with the collection after it.
    for (let turn = 0; turn < 5; turn++) {
      gc()
      await new Promise(setImmediate)
    }
    const { heapUsed, external, arrayBuffers } = process.memoryUsage()
    return heapUsed + external + arrayBuffers
  }
  const main = async () => {
    await explore(program, { runs: 500, seed: 1 })
    const before = await used()
    const { failure } = await explore(program, { runs: ${RUNS}, seed: 2 })
    if (failure !== undefined) throw failure.error
    process.stdout.write(String((await used()) - before))
  }
  main()
`

it('memory stays flat', () => {
  const grown = Number(
    execFileSync(process.execPath, ['--expose-gc', '-e', RUNS_OF_A_SYSTEM], { cwd: root, encoding: 'utf8' }),
  )
  printRuns(`one exploration, which left ${grown} bytes`, RUNS)
  // One node that is kept has a runtime of 60 KB.
  expect(grown).toBeLessThan(2_000_000)
})

const FAILS = (body: string): string => `
  const { explore, replay } = require('keelson/simulation')
  const { GenServer } = require('keelson/otp')
  const program = async (sim) => {
    const { clock } = sim.system('a')
    const seen = []
    const server = { init: () => 0, handleCast: (message, state) => (seen.push(message), state) }
    const refs = [await GenServer.start(server, { system: sim.system('a') }), await GenServer.start(server, { system: sim.system('b') })]
    refs.forEach((ref, index) => GenServer.cast(ref, index))
    await sim.settle()
    if (seen[0] === 1) throw new Error('the second one came first')
  }
  ${body}
`

it('a file repeats a failure in another process', () => {
  const folder = tempDirectory()
  const run = (body: string): ReturnType<typeof spawnSync> =>
    spawnSync(process.execPath, ['-e', FAILS(body)], { cwd: root, encoding: 'utf8' })
  const explored = run(`explore(program, { runs: 100, seed: 4, folder: ${JSON.stringify(folder)} })`)
  expect(explored.stderr).toContain('the second one came first')
  const file = join(folder, readdirSync(folder)[0] as string)
  const replayed = run(`replay(${JSON.stringify(file)}, program).then((result) => console.log(result.failure.report))`)
  expect(String(replayed.stdout).split('\n')[0]).toBe(String(explored.stderr).split('\n')[0])
})
