// A gate in virtual time: honest clients, and others who send requests down one connection and are gone.
import http from 'node:http'

import { Atrion } from 'keelson'
import { admission } from 'keelson/express'
import { createTestSystem } from 'keelson/testing'

import { turn } from './means.ts'
import { Wire } from './wire.ts'

export interface Siege {
  /** A second. */
  readonly honest: number
  readonly aborted: number
  /** The number of requests of a connection whose client leaves, and after how many milliseconds. */
  readonly pipelined: number
  readonly leavesAfter: number
  /** The duration of the handler, with a mean of 50 ms. */
  readonly service: 'constant' | 'exponential'
  readonly seconds: number
  readonly seed: number
}

export interface Outcome {
  readonly asked: number
  readonly refused: number
  readonly inFlight: number
  readonly deadlineMs: number
}

const MEAN_MS = 50
const STEP_MS = 5
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

export async function besiege(siege: Siege): Promise<Outcome> {
  const { clock, system } = createTestSystem({ seed: siege.seed })
  const atrion = new Atrion({ system })
  const exponential = (mean: number): number => -mean * Math.log(1 - system.random.next())
  const gate = admission({ atrion })
  const server = http.createServer((req, res) =>
    gate(req, res, () => {
      clock.schedule(siege.service === 'constant' ? MEAN_MS : exponential(MEAN_MS), () => void res.end('ok'))
    }),
  )
  const connect = (): Wire => {
    const wire = new Wire()
    server.emit('connection', wire.socket)
    return wire
  }
  const honest: Wire[] = []
  const until = siege.seconds * 1000
  let nextHonest = exponential(1000 / siege.honest)
  let nextAbort = 1
  while (clock.monoMs() < until) {
    const now = clock.monoMs()
    await clock.advance(Math.max(0.001, Math.min(nextHonest, nextAbort, now + STEP_MS) - now))
    if (clock.monoMs() >= nextHonest) {
      nextHonest += exponential(1000 / siege.honest)
      const wire = connect()
      wire.expect(honest.push(wire) - 1, 'GET')
      wire.send(GET)
    }
    if (clock.monoMs() >= nextAbort) {
      nextAbort += (1000 * siege.pipelined) / siege.aborted
      const wire = connect()
      wire.send(GET.repeat(siege.pipelined))
      clock.schedule(siege.leavesAfter, () => wire.leave())
    }
    await turn()
  }
  for (let second = 0; second < 3; second++) {
    await clock.advance(1000)
    await turn()
  }
  const { inFlight, queueDeadlineMs } = atrion.getState('app')!.gate!
  const answers = honest.map((wire, index) => wire.received.get(index)?.status)
  server.closeAllConnections()
  await system.close()
  const refused = answers.filter((status) => status !== 200).length
  return { asked: answers.length, refused, inFlight, deadlineMs: queueDeadlineMs }
}
