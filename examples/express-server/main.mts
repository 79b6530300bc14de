// An Express server that keeps working while handlers crash, its database fails and a client asks too much.
//
//   npm run example -- express-server                 a load of 15 seconds shows it
//   npm run example -- express-server --seconds 60    a longer one
//   npm run example -- express-server serve           no load: try it yourself, and end it with Ctrl-C
//   npm run example -- express-server --port 8080     this port, not any that is free
import { createServer } from 'node:http'

import { createSystem } from 'keelson'
import { gracefulShutdown } from 'keelson/express'

import { numberOf, options, portOf } from '../lib/options.mjs'
import { listen, program } from '../lib/program.mjs'
import { httpClients, phasesOf, runLoad, table } from './load.mjs'
import { createService } from './service.mjs'

await program(async () => {
  const { values, positionals } = options(
    { port: { type: 'string', default: '0' }, seconds: { type: 'string', default: '15' } },
    { words: ['serve'] },
  )
  const isServing = positionals.includes('serve')
  const port = portOf(values.port)
  const seconds = numberOf('seconds', values.seconds, { min: 5, max: 3600 })

  const system = createSystem({ crashReports: false })
  const server = createServer()
  // Longer than clients keep a connection: a server that closes first may close on a request that is on its way.
  server.keepAliveTimeout = 65_000
  const shutdown = gracefulShutdown(server, { system, timeout: 10_000, exit: isServing })
  const service = await createService(system, {
    // Small times and some faults, so that seconds show what takes minutes elsewhere.
    database: { openForMs: 1000, timeoutMs: 500 },
    handlers: { isBug: () => system.random.next() < 0.005 },
    limit: 200,
    isReady: () => shutdown.ready,
  })
  server.on('request', service.app)
  const url = await listen(server, port)
  console.log(`Listening on ${url}: /health, /ready, /metrics, /api/users, /api/data/1, POST /api/echo.`)
  if (isServing) return

  let inFlight = 0
  const end = (): void => {
    inFlight = service.inFlight().length
    void shutdown.shutdown() // as SIGTERM does
  }
  const load = createSystem({ seed: 1 })
  const clients = httpClients(url)
  const results = await runLoad(
    load,
    phasesOf(seconds, service.database, () => load.clock.schedule(200, end)),
    clients.send,
  )
  clients.close()
  const code = await shutdown.done
  await load.close()

  console.log(`\n${table(results)}\n`)
  console.log(`Handlers crashed and came back ${service.handlers.restarts()} times.`)
  console.log(`The journal has ${service.journal.size()} requests.`)
  const left = shutdown.brokenOff.length
  console.log(`At SIGTERM ${inFlight} requests were in flight: ${inFlight - left} were answered. Exit code ${code}.`)
})
