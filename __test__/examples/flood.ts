/** The flood of examples/first-light in virtual time: the same app and the same clients, with connections in memory. */
import { createServer } from 'node:http'
import { join } from 'node:path'

import { createControlledClock, createSystem, type Priority } from 'keelson'
import type { AdmissionOptions } from 'keelson/express'

import type * as App from '../../examples/first-light/app.mts'
import type * as Database from '../../examples/first-light/database.mts'
import type * as Load from '../../examples/first-light/load.mts'
import type * as Report from '../../examples/first-light/report.mts'
import type * as Stats from '../../examples/first-light/stats.mts'
import { inMemory } from '../http/model/means.ts'
import { Wire } from '../http/model/wire.ts'

const compiled = join(import.meta.dirname, '..', '..', '.cache', 'examples', 'first-light')

/** Imports a module of the compiled example. */
const load = async <T>(name: string): Promise<T> => (await import(join(compiled, `${name}.mjs`))) as T

interface Waiting {
  readonly wire: Wire
  readonly until: number
  readonly settle: (result: 'ok' | 'shed' | 'late') => void
}

const request = (priority: Priority): string => `GET / HTTP/1.1\r\nhost: test\r\nx-priority: ${priority}\r\n\r\n`

/** Runs the flood against the bare app, or against the one with these options of `admission()`. */
export async function flood(seconds: number, control?: AdmissionOptions) {
  const [{ createApp }, { offer, phasesOf }] = [await load<typeof App>('app'), await load<typeof Load>('load')]
  const { summarize } = await load<typeof Stats>('stats')
  const { missedBars } = await load<typeof Report>('report')
  const { capacity } = await load<typeof Database>('database')
  const clock = createControlledClock()
  const clients = createSystem({ clock, seed: 42 })
  const service = createSystem({ clock, seed: 1 })
  const server = createServer(createApp(service, control))
  const waiting = new Set<Waiting>()
  const send = (priority: Priority, patienceMs: number) =>
    new Promise<'ok' | 'shed' | 'late'>((settle) => {
      const wire = new Wire()
      server.emit('connection', wire.socket)
      wire.expect(0, 'GET')
      wire.send(request(priority))
      waiting.add({ wire, until: clock.monoMs() + patienceMs, settle })
    })
  const outcomes: Parameters<typeof summarize>[0][number][] = []
  const phases = phasesOf(seconds)
  const run = { isOver: false }
  const offered = offer(send, phases, clients, (outcome) => void outcomes.push(outcome)).then(() => (run.isOver = true))
  while (!run.isOver) {
    await clock.advance(1)
    await inMemory.settle()
    for (const each of waiting) {
      const status = each.wire.received.get(0)?.status
      if (status === undefined && clock.monoMs() < each.until) continue
      waiting.delete(each)
      each.wire.leave()
      if (status === undefined) each.settle('late')
      else each.settle(status === 200 ? 'ok' : 'shed')
    }
  }
  await offered
  // Queries of clients who left end too.
  await clock.advance(60_000)
  await Promise.all([clients.close(), service.close()])
  const summary = summarize(outcomes, phases, capacity)
  return { summary, missed: missedBars(summary) }
}
