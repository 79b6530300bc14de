/** The same seed gives the same run: twice in a process, in two processes, after other runs, for random programs. */
import { execFileSync } from 'node:child_process'
import * as fc from 'fast-check'
import { explore, type SimulationOptions } from 'keelson/simulation'
import { describe, expect, it } from 'vitest'

import { runsOf } from '../support/programs.ts'
import { root } from '../support/root.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { lostUpdate } from './races/shared-state.ts'
import { programOf, worldProgram } from './model/program.ts'

const quiet = (options: SimulationOptions = {}): SimulationOptions => ({
  folder: tempDirectory(),
  print: () => undefined,
  ...options,
})

describe('a random program of a whole system', () => {
  it('runs the same way each time', async () => {
    await fc.assert(
      fc.asyncProperty(
        worldProgram,
        fc.nat(2 ** 32 - 1),
        fc.constantFrom('random', 'pct'),
        async (world, seed, schedule) => {
          const options = quiet({ seed, schedule, runs: 3, checkEvery: 1, faults: world.faults })
          const [first, second] = [await explore(programOf(world), options), await explore(programOf(world), options)]
          expect(first.failure?.report).toBeUndefined()
          expect(second.digest).toBe(first.digest)
        },
      ),
      runsOf('simulated systems', 60),
    )
  })
})

const PROGRAM = `
  const { explore } = require('keelson/simulation')
  const { GenServer, Supervisor } = require('keelson/otp')
  const behavior = {
    init: () => 0,
    handleCall: async (message, state) => {
      await message.system.clock.sleep(message.system.random.int(20))
      if (Math.random() < 0.1) throw new Error('by chance')
      return [state, state + 1]
    },
  }
  explore(async (sim) => {
    const nodes = ['a', 'b', 'c'].map((name) => sim.system(name))
    const start = (system) => () => GenServer.start(behavior, { system })
    const supervisors = []
    for (const system of nodes) {
      const restartIntensity = { maxRestarts: 1000, withinMs: 1000 }
      supervisors.push(await Supervisor.start({ system, restartIntensity, children: [{ id: 'x', start: start(system) }] }))
    }
    for (let turn = 0; turn < 30; turn++) {
      const index = sim.choose(3, 'node')
      const [child] = Supervisor.getChildren(supervisors[index])
      void GenServer.call(child.ref, { system: nodes[index] }, { timeout: 15 }).catch(() => undefined)
      await sim.clock.sleep(5)
    }
    await sim.settle({ heal: true })
  }, { runs: 20, seed: 42, faults: { crash: 0.05, pause: 0.02, delay: 0.05, skew: 0.1 } }).then((result) => {
    process.stdout.write(JSON.stringify([result.digest, result.failure?.report]))
  })
`

describe('one seed', () => {
  const inProcess = (): string => execFileSync(process.execPath, ['-e', PROGRAM], { cwd: root, encoding: 'utf8' })

  it('gives one digest in two processes', () => {
    const first = inProcess()
    expect(JSON.parse(first)).toEqual([expect.stringMatching(/^[\da-f]{16}$/), null])
    expect(inProcess()).toBe(first)
  })

  it('gives one digest after other runs', async () => {
    const digest = async (): Promise<string> =>
      (await explore(lostUpdate.program(true), quiet({ runs: 5, seed: 8 }))).digest
    const first = await digest()
    await explore(lostUpdate.program(false), quiet({ runs: 30, seed: 1 }))
    expect(await digest()).toBe(first)
  })
})
