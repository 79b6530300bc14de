// The native server of observe(): what a scrape and a page cost, and how soon they come while JavaScript is blocked.
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Atrion } from 'keelson/atrion'
import { observe } from 'keelson/observe'
import { GenServer } from 'keelson/otp'
import { metricsText } from 'keelson/prometheus'
import { createSystem } from 'keelson/system'
import { Counter, Registry } from 'prom-client'

const routes = 400
const outcomes = 25
const processes = 100_000
const page = 50

const seriesOf = (text) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length

function must(count, text) {
  const found = seriesOf(text)
  if (found < count) throw new Error(`${found} series, not ${count}`)
}

/** A system with enough routes for ten thousand series. */
function withRoutes() {
  const system = createSystem({ name: 'bench' })
  const gate = new Atrion({ system, maxRoutes: 2 * routes })
  for (let route = 0; route < routes; route += 1) gate.tryAdmit(`/api/v1/resource-${route}/items`).done()
  return system
}

/** The same number of series of prom-client. */
function withCounters() {
  const register = new Registry()
  const counter = new Counter({
    name: 'requests_total',
    help: 'Requests.',
    labelNames: ['route', 'outcome'],
    registers: [register],
  })
  for (let route = 0; route < routes; route += 1) {
    for (let outcome = 0; outcome < outcomes; outcome += 1) {
      counter.labels(`/api/v1/resource-${route}/items`, `outcome-${outcome}`).inc()
    }
  }
  return register
}

const get = (url, token) =>
  new Promise((resolve, reject) => {
    const sent = request(url, { headers: { authorization: `Bearer ${token}` } }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => (text += chunk))
      response.on('end', () => resolve(text))
    })
    sent.on('error', reject)
    sent.end()
  })

/** A thread that scrapes when it is told, and says when it has the answer. */
const scraper = `
const { parentPort, workerData: { url, token, shared } } = require('node:worker_threads')
const { request } = require('node:http')
const done = new Int32Array(shared)
const scrape = () => request(url, { headers: { authorization: 'Bearer ' + token } }, (response) => {
  let bytes = 0
  response.on('data', (chunk) => (bytes += chunk.length))
  response.on('end', () => { Atomics.store(done, 0, bytes); Atomics.notify(done, 0) })
}).end()
parentPort.on('message', scrape)
parentPort.postMessage('ready')
`

/** A client on the socket that asks for pages. */
class Pages {
  #socket
  #bytes = Buffer.alloc(0)
  #told

  static async open(path) {
    const client = new Pages()
    client.#socket = connect(path)
    await once(client.#socket, 'connect')
    client.#socket.on('data', (chunk) => client.#take(chunk))
    client.send({ type: 'hello', v: 1 })
    await client.frame('hello')
    return client
  }

  send(value) {
    const json = Buffer.from(JSON.stringify(value))
    const head = Buffer.alloc(4)
    head.writeUInt32BE(json.length)
    this.#socket.write(Buffer.concat([head, json]))
  }

  frame(type) {
    return new Promise((resolve) => (this.#told = { type, resolve }))
  }

  close() {
    this.#socket.destroy()
  }

  #take(chunk) {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    while (this.#bytes.length >= 4 && this.#bytes.length >= 4 + this.#bytes.readUInt32BE()) {
      const end = 4 + this.#bytes.readUInt32BE()
      const frame = JSON.parse(this.#bytes.subarray(4, end))
      this.#bytes = this.#bytes.subarray(end)
      if (frame.type === this.#told?.type) this.#told.resolve(frame)
    }
  }
}

export const cases = [
  {
    name: `text of ${routes * outcomes} series, in JavaScript's time`,
    unit: 'ms',
    iterations: 1,
    ours: {
      setup: withRoutes,
      run: (system) => must(routes * 20, metricsText(system)),
      teardown: (system) => system.close(),
    },
    peer: {
      name: 'prom-client',
      fn: { setup: withCounters, run: async (register) => must(routes * outcomes, await register.metrics()) },
    },
  },
  {
    name: `scrape of ${routes * outcomes} series from the server, over HTTP`,
    unit: 'ms',
    iterations: 1,
    bar: { value: 100 },
    ours: {
      setup: async () => {
        const system = withRoutes()
        return { system, ...(await observe(system, { http: true })) }
      },
      run: async ({ address, token }) => must(routes * 20, await get(`${address.http}metrics`, token)),
      teardown: ({ system }) => system.close(),
    },
  },
  {
    name: 'the same while JavaScript is blocked',
    unit: 'ms',
    iterations: 1,
    bar: { value: 100 },
    ours: {
      setup: async () => {
        const system = withRoutes()
        const { address, token } = await observe(system, { http: true })
        const shared = new SharedArrayBuffer(4)
        const worker = new Worker(scraper, { eval: true, workerData: { url: `${address.http}metrics`, token, shared } })
        await once(worker, 'message')
        return { system, worker, done: new Int32Array(shared) }
      },
      // The event loop does not turn until the thread has its answer.
      run: ({ worker, done }) => {
        Atomics.store(done, 0, 0)
        worker.postMessage('scrape')
        Atomics.wait(done, 0, 0)
        if (Atomics.load(done, 0) < 100_000) throw new Error('a short answer')
      },
      teardown: async ({ system, worker }) => {
        await worker.terminate()
        await system.close()
      },
    },
  },
  {
    name: `top ${page} of ${processes} processes by mailbox, from the server`,
    unit: 'ms',
    iterations: 1,
    ours: {
      setup: async () => {
        const system = createSystem({ name: 'bench' })
        const behavior = { init: () => 0, handleCall: (_, n) => [n, n], handleCast: (_, n) => n }
        for (let count = 0; count < processes; count += 1000) {
          await Promise.all(Array.from({ length: 1000 }, () => GenServer.start(behavior, { system })))
        }
        const socket = join(tmpdir(), `keelson-bench-${process.pid}.sock`)
        await observe(system, { socket })
        return { system, client: await Pages.open(socket) }
      },
      run: async ({ client }) => {
        client.send({
          type: 'watch',
          tables: [{ table: 'a', kind: 'process', by: 'mailbox', desc: true, limit: page }],
        })
        const { rows, total } = await client.frame('page')
        client.send({ type: 'pause' })
        if (rows.length !== page || total !== processes) throw new Error(`${rows.length} of ${total}`)
      },
      teardown: async ({ system, client }) => {
        client.close()
        await system.close()
      },
    },
  },
]
