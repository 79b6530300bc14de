// A million requests whose clients are gone, a hundred down each connection, against a server with all of keelson/express:
// what they leave behind in memory. Its own client, as a process of its own, is this file too.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { fileURLToPath } from 'node:url'

const PIPELINED = 100
const FIRST = 100_000
const ALL = 1_000_000
const MOST_MIB = 5
const HANDLER_MS = 20

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Sends so many requests down connections that are closed without reading. */
async function abort(port, requests) {
  const text = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(PIPELINED)
  for (let sent = 0; sent < requests; sent += PIPELINED) {
    const socket = net.connect(port, '127.0.0.1').on('error', () => {})
    await once(socket, 'connect')
    socket.write(text)
    // Some leave at once, some while the handlers work, some after the first answers.
    await wait(sent % (3 * PIPELINED) === 0 ? 0 : (sent / PIPELINED) % 2 === 0 ? 5 : HANDLER_MS + 5)
    socket.resetAndDestroy()
  }
}

const several = 32

async function client() {
  process.on('message', async ({ port, requests }) => {
    await Promise.all(Array.from({ length: several }, () => abort(port, requests / several)))
    process.send('done')
  })
}

/** Waits until no request has come for a second: a busy machine accepts connections after their clients are done. */
async function untilQuiet(count) {
  for (let before = -1; before !== count();) {
    before = count()
    await wait(1000)
  }
}

/**
 * Returns the MiB that the process holds once V8 has given back what it can: the least of the last collections. V8 keeps the
 * 32 MiB of its young generation for some seconds after the last request.
 */
async function resident() {
  let least = Infinity
  for (let still = 0; still < 40;) {
    await wait(300)
    globalThis.gc()
    const now = process.memoryUsage().rss / 2 ** 20
    still = now < least - 0.1 ? 0 : still + 1
    least = Math.min(least, now)
  }
  return least
}

async function server() {
  const { Atrion, Journal, createSystem } = await import('keelson')
  const { admission, gracefulShutdown, rateLimit, requestJournal } = await import('keelson/express')
  const system = createSystem()
  const atrion = new Atrion({ system })
  const journal = requestJournal(new Journal({ maxEntries: 1000, overflow: 'bounded:drop_oldest', system }), { system })
  const limit = rateLimit({ limit: 1e9, windowMs: 1000, skipFailedRequests: true, system })
  const gate = admission({ atrion })
  let seen = 0
  const app = http.createServer((req, res) => {
    seen += 1
    journal(req, res, () => limit(req, res, () => gate(req, res, () => setTimeout(() => res.end('ok'), HANDLER_MS))))
  })
  const shutdown = gracefulShutdown(app, { system, exit: false })
  await new Promise((resolve) => app.listen(0, '127.0.0.1', resolve))
  const { port } = app.address()
  const child = fork(fileURLToPath(import.meta.url), ['client'])
  const run = async (requests) => {
    child.send({ port, requests })
    await once(child, 'message')
    await untilQuiet(() => seen)
    return await resident()
  }
  const before = await run(FIRST)
  const after = await run(ALL - FIRST)
  child.kill()
  const { inFlight, queued } = atrion.getState('app').gate
  const open = journal.inFlight().length
  const code = await shutdown.shutdown()
  const grown = after - before
  const ok = grown <= MOST_MIB && inFlight + queued + open === 0 && code === 0 && seen > 0.9 * ALL
  console.log(
    `${seen} aborted requests: ${before.toFixed(1)} MiB resident after ${FIRST}, ${after.toFixed(1)} MiB after ${ALL} ` +
      `(${grown >= 0 ? '+' : ''}${grown.toFixed(1)}, at most +${MOST_MIB}); in flight then: ${inFlight + queued + open}`,
  )
  process.exit(ok ? 0 : 1)
}

await (process.argv[2] === 'client' ? client() : server())
