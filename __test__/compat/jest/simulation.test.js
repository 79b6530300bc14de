/** Simulations under jest, whose tests run in another realm, and under its fake timers. */
const { execFileSync } = require('node:child_process')
const { mkdtempSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { GenServer } = require('keelson/otp')
const { explore, replay, simulate } = require('keelson/simulation')

const folder = mkdtempSync(join(tmpdir(), 'keelson-jest-'))
afterAll(() => rmSync(folder, { recursive: true }))

const account = {
  init: () => 100,
  handleCall: (message, balance) => [balance, message ?? balance],
}

const teller = (ref) => ({
  init: () => 0,
  handleCall: async (amount, served) => {
    const balance = await GenServer.call(ref, undefined)
    await GenServer.call(ref, balance - amount)
    return [Date.now() + Math.random(), served + 1]
  },
})

async function bank(sim) {
  const ref = await GenServer.start(account, { system: sim.system('bank') })
  const [first, second] = [
    await GenServer.start(teller(ref), { system: sim.system('first') }),
    await GenServer.start(teller(ref), { system: sim.system('second') }),
  ]
  await Promise.all([GenServer.call(first, 10), GenServer.call(second, 20)])
  const balance = await GenServer.call(ref, undefined)
  if (balance !== 70) throw new Error(`the balance is ${balance}`)
}

const found = async () => {
  const { runs, digest, failure } = await explore(bank, { runs: 1000, seed: 1, folder, print: () => undefined })
  expect(failure.error.message).toMatch(/^the balance is/)
  const again = await replay(failure.file, bank)
  expect(again.failure.choices).toEqual(failure.choices)
  return [runs, digest]
}

test('a race is found, and one seed gives one digest', async () => {
  expect(await found()).toEqual(await found())
})

test('fake timers of jest change nothing', async () => {
  const real = await found()
  jest.useFakeTimers()
  try {
    expect(await found()).toEqual(real)
  } finally {
    jest.useRealTimers()
  }
})

test('a test function of simulate rejects with the report', async () => {
  await expect(simulate({ runs: 1000, seed: 1, folder }, bank)()).rejects.toThrow(/KEELSON_SEED=1/)
  await simulate({ runs: 5, seed: 1, folder }, async (sim) => sim.clock.sleep(10))()
})

test('one seed gives one digest in jest and in Node alone', async () => {
  const path = require.resolve('../one-seed.cjs')
  const code = `require(${JSON.stringify(path)}).digestOf(5).then((digest) => process.stdout.write(digest))`
  const alone = execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' })
  expect(await require('../one-seed.cjs').digestOf(5)).toBe(alone)
})
