// A program that shows its dashboard: `node shown-program.mjs <folder> <scenario>`. It writes its pid to a file, and goes
// on with its scenario at SIGUSR2.
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Dashboard } from 'keelson/dashboard'
import { GenServer, Registry, Supervisor } from 'keelson/otp'

const [folder, scenario] = isMainThread ? process.argv.slice(2) : [workerData, 'in-worker']
/** Writes a file that is there whole, or not at all. */
const note = (name, value) => {
  writeFileSync(join(folder, `${name}.new`), String(value))
  renameSync(join(folder, `${name}.new`), join(folder, name))
}

const behavior = {
  init: () => 0,
  handleCall: (message, count) => [count, count],
  handleCast: ({ type, ms }, count) => {
    const end = performance.now() + (ms ?? 0)
    while (performance.now() < end);
    if (type === 'crash') throw new TypeError('no price')
    return count + 1
  },
}

/** Starts a supervisor with two processes. */
const startShop = () =>
  Supervisor.start({
    name: 'shop',
    children: ['cart', 'stock'].map((id) => ({ id, start: () => GenServer.start(behavior, { name: id }) })),
  })

const cast = (message) => GenServer.cast(Registry.lookup('cart'), message)

const scenarios = {
  none: () => {},
  cast: () => {
    for (let sent = 0; sent < 100; sent++) cast({ type: 'add' })
  },
  crash: () => cast({ type: 'crash' }),
  block: () => cast({ type: 'add', ms: 5000 }),
  exit: () => process.exit(7),
  throw: () => {
    throw new Error('planned')
  },
  reject: () => void Promise.reject(new Error('planned')),
  handled: () => {},
  stop: (dashboard) => {
    dashboard.switchLayout('minimal')
    dashboard.stop()
    console.log(`stopped, ${dashboard.isRunning()}, ${dashboard.getLayout()}`)
  },
  twice: (dashboard) => {
    try {
      new Dashboard().start()
    } catch ({ code }) {
      console.log(code)
    }
    dashboard.stop()
    dashboard.stop()
    dashboard.start()
    note('again', 'started')
  },
  select: (dashboard) => {
    try {
      dashboard.selectProcess('none such')
    } catch ({ code }) {
      console.log(code)
    }
    dashboard.selectProcess(Registry.lookup('cart').id)
  },
  flood: () => {
    for (let line = 0; line < 20_000; line++) {
      console.log(`flood ${line} ${'\x1b[31m#'.repeat(50)}`)
      if (line % 100 === 0) process.stderr.write('\x1b[2J\x1b[Hspoilt')
    }
    console.log('the flood ends')
  },
  worker: () => {
    const worker = new Worker(new URL(import.meta.url), { workerData: folder })
    worker.once('message', () => note('worker', 'drawing'))
    process.on('SIGUSR2', async () => {
      await worker.terminate()
      console.log('the worker has ended')
    })
  },
  'in-worker': () => {},
}

if (scenario === 'worker') scenarios.worker()
else {
  await startShop()
  const dashboard = new Dashboard({ refreshInterval: 100 })
  dashboard.start()
  if (scenario === 'handled') {
    process.on('SIGTERM', () => {
      console.log(`handled, ${dashboard.isRunning()}`)
      process.exit(0)
    })
  }
  if (isMainThread) process.on('SIGUSR2', () => setTimeout(() => scenarios[scenario](dashboard), 1))
  else parentPort.postMessage('drawing')
}
// The program has work, whatever the dashboard does.
let beats = 0
setInterval(() => note('beat', ++beats), 20)
if (isMainThread) note('pid', process.pid)
