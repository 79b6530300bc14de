// A server in front of a database with eight connections, behind the door that is named on the command line.
import http from 'node:http'
import type { AddressInfo } from 'node:net'

import { createSystem, type Priority } from 'keelson'

import { Database, meanMs } from './database.mjs'
import { door } from './doors.mjs'

const system = createSystem({ seed: 1 })
const database = new Database(system.clock, system.random, meanMs)
const enter = door(process.argv[2] ?? 'none', () => system.clock.monoMs())

async function serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => response.writableFinished || gone.abort())
  const leave = await enter((request.headers['x-priority'] ?? 'normal') as Priority, gone.signal)
  if (leave === undefined) {
    response.writeHead(503).end()
    return
  }
  await database.query()
  leave(!gone.signal.aborted)
  response.end('ok')
}

const server = http.createServer((request, response) => void serve(request, response))
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
// Nobody is left to answer when whoever started it has gone.
process.on('disconnect', () => process.exit())
