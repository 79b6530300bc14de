/** A program whose digest must not depend on who runs it: vitest, jest, or Node alone. */
const { mkdtempSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { GenServer, Supervisor } = require('keelson/otp')
const { explore } = require('keelson/simulation')

const worker = {
  init: () => 0,
  handleCall: async (system, served) => {
    await system.clock.sleep(system.random.int(20) + Math.floor(Math.random() * 5))
    return [`${served} at ${Date.now()}`, served + 1]
  },
}

async function program(sim) {
  const restartIntensity = { maxRestarts: 1000, withinMs: 1000 }
  for (const name of ['a', 'b']) {
    const system = sim.system(name)
    const children = [{ id: 'worker', start: () => GenServer.start(worker, { system }) }]
    const supervisor = await Supervisor.start({ system, restartIntensity, children })
    for (let turn = 0; turn < 5; turn++) {
      const [child] = Supervisor.getChildren(supervisor)
      if (child?.ref !== undefined) void GenServer.call(child.ref, system, { timeout: 15 }).catch(() => undefined)
      await sim.clock.sleep(sim.choose(10, 'how long it waits'))
    }
  }
  await sim.settle({ heal: true })
}

/** Resolves with the digest of a seed. */
exports.digestOf = async (seed) => {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-one-seed-'))
  try {
    const faults = { crash: 0.05, pause: 0.02, delay: 0.05, skew: 0.1 }
    const { digest, failure } = await explore(program, { runs: 20, seed, faults, folder, print: () => undefined })
    if (failure !== undefined) throw failure.error
    return digest
  } finally {
    rmSync(folder, { recursive: true })
  }
}
