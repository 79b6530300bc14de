// A small suite of real use for every runner. It takes the runner's `test`, and the package as the runner loaded it.
const assert = require('node:assert/strict')
const { mkdtemp, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { runInNewContext } = require('node:vm')
const { Worker } = require('node:worker_threads')

const counter = {
  init: () => 0,
  handleCall: (message, count) => {
    if (message instanceof Object && message.fail !== undefined) throw message.fail
    return [count, count]
  },
  handleCast: (message, count) => {
    if (message === 'crash') throw new Error('let it crash')
    return count + message
  },
}

/** Defines the tests. `keelson` has the entries `clock`, `atom`, `journal`, `otp` and `testing`. */
module.exports = function suite(test, { clock, atom, journal, otp, testing }) {
  test(
    'the controlled clock moves an hour at once',
    testing.withSystem(async (system) => {
      const slept = system.clock.sleep(3_600_000).then(() => system.clock.monoMs())
      await system.clock.advance(3_600_000)
      assert.equal(await slept, 3_600_000)
    }),
  )

  test('an atom keeps versions and tells its watchers', () => {
    const state = atom.createAtom({ count: 0 }, { historySize: 2 })
    const seen = []
    state.watch((change) => seen.push([change.versionFrom, change.versionTo, change.to.count]))
    state.swap(({ count }) => ({ count: count + 1 }))
    state.reset({ count: 5 })
    assert.equal(state.deref().count, 5)
    assert.deepEqual(JSON.parse(JSON.stringify(seen)), [
      [0, 1, 1],
      [1, 2, 5],
    ])
  })

  test('a journal keeps its entries, in memory and over a reopening on disk', async () => {
    const add = (sum, { amount }) => sum + amount
    const memory = journal.createJournal()
    memory.append({ amount: 2 })
    assert.equal(memory.fold(add, { initial: 0 }), 2)

    const folder = await mkdtemp(join(tmpdir(), 'keelson-suite-'))
    try {
      const first = await journal.openJournal(folder)
      await first.append({ amount: 3 })
      await first.append({ amount: 4 })
      await first.close()
      const second = await journal.openJournal(folder)
      assert.equal(second.fold(add, { initial: 0 }), 7)
      await second.close()
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test(
    'a GenServer answers, and its supervisor restarts it after a crash',
    testing.withSystem(async (system) => {
      const report = []
      system.report = (error) => report.push(error)
      const supervisor = await otp.Supervisor.start({
        system,
        children: [{ id: 'counter', start: () => otp.GenServer.start(counter, { system }) }],
      })
      const child = () => otp.Supervisor.getChild(supervisor, 'counter').ref
      otp.GenServer.cast(child(), 2)
      assert.equal(await otp.GenServer.call(child(), 'count'), 2)
      const restarted = new Promise((resolve) => {
        otp.Supervisor.onLifecycleEvent((event) => event.type === 'restarted' && resolve(), system)
      })
      otp.GenServer.cast(child(), 'crash')
      await restarted
      assert.equal(await otp.GenServer.call(child(), 'count'), 0)
      await otp.Supervisor.stop(supervisor)
    }),
  )

  test('errors are of the realm of the test, and errors of another realm arrive as they are', async () => {
    const controlled = clock.createControlledClock()
    let refused
    try {
      controlled.advanceBy(NaN)
    } catch (error) {
      refused = error
    }
    assert.equal(refused instanceof Error, true)
    assert.equal(refused.code, 'KEELSON_INVALID_ARGUMENT')

    const foreign = runInNewContext("new TypeError('from elsewhere')")
    assert.equal(foreign instanceof Error, false)
    const ref = await otp.GenServer.start(counter)
    const thrown = await otp.GenServer.call(ref, { fail: foreign }).catch((error) => error)
    assert.equal(thrown, foreign)
    await otp.GenServer.stop(ref)
  })

  test('worker threads share a counter and an atom', async () => {
    const total = atom.sharedCounter('total')
    const state = atom.createSharedAtom('state', { seen: 0 })
    const work = () =>
      new Promise((resolve, reject) => {
        const worker = new Worker(join(__dirname, 'worker.cjs'), { execArgv: [] })
        worker.on('error', reject)
        worker.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the worker ended with ${code}`))))
      })
    await Promise.all([work(), work()])
    assert.equal(total.value, 2000)
    assert.equal(state.deref().seen, 2)
    total.close()
    state.close()
  })
}

/** How many tests the suite has. */
module.exports.TESTS = 6
