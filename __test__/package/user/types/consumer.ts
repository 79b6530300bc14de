// A program of a user that takes something from every entry. The compilers read it as CommonJS and as an ES module.
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { createSystem, isKeelsonError, type KeelsonError, type System } from 'keelson'
import { type Atom, createAtom, type SharedCounter, sharedCounter } from 'keelson/atom'
import { Atrion, type GateState } from 'keelson/atrion'
import { type Clock, createControlledClock, type Instant } from 'keelson/clock'
import { Dashboard, type DashboardOptions } from 'keelson/dashboard'
import { circuitBreaker, type Effect, effect, type Result, retry, wrap } from 'keelson/effect'
import * as forExpress from 'keelson/express'
import * as forFastify from 'keelson/fastify'
import * as forFetch from 'keelson/fetch'
import { type DurableJournal, type Journal, createJournal, openJournal } from 'keelson/journal'
import { simulation, simulationFor, type SimulatedRun } from 'keelson/fast-check'
import * as forKoa from 'keelson/koa'
import { type Observation, observe, type ObserveOptions } from 'keelson/observe'
import { instrument, type InstrumentOptions } from 'keelson/opentelemetry'
import { Cache, type CacheRef, GenServer, type GenServerBehavior, type GenServerRef } from 'keelson/otp'
import { createRootSupervisor, type RootSupervisor } from 'keelson/process'
import { metricsHandler, metricsText } from 'keelson/prometheus'
import { explore, type Simulation, type SimulationResult } from 'keelson/simulation'
import { createSystem as createSystemOfEntry, type SystemOptions } from 'keelson/system'
import { createTestSystem, type TestSystem } from 'keelson/testing'
import Koa from 'koa'

const options: SystemOptions = { seed: 1 }
export const system: System = createSystem(options)
export const same: typeof createSystem = createSystemOfEntry

export function codeOf(error: unknown): string | undefined {
  const known: KeelsonError | undefined = isKeelsonError(error) ? error : undefined
  return known?.code
}

const clock: Clock = createControlledClock()
export const at: Instant = clock.now()
export const test: TestSystem = createTestSystem({ seed: 1 })
export const arbitrary = simulation({ schedule: 'pct', faults: { pause: 0.1 } }).map((run: SimulatedRun) => run.choices)
export const repeated: Promise<void> = simulationFor([0, 1], { seed: 1 }).run(() => {})
export const simulated: Promise<SimulationResult> = explore((sim: Simulation) => void sim.choose(2, 'side'), {
  runs: 2,
})

export const state: Atom<number> = createAtom(1)
export const doubled: number = state.swap((value) => value * 2)
export const hits: SharedCounter = sharedCounter('hits')

interface Paid {
  readonly amount: number
}
export const memory: Journal<Paid> = createJournal<Paid>({ clock })
export const sum: number = memory.fold((total, { amount }) => total + amount, { initial: 0 })
export const open = (): Promise<DurableJournal<Paid>> => openJournal<Paid>('orders')

type Call = { readonly type: 'get' }
const counter: GenServerBehavior<number, Call, number, number> = {
  init: () => 0,
  handleCall: (_, count) => [count, count],
  handleCast: (by, count) => count + by,
}
export async function countOf(): Promise<number> {
  const ref: GenServerRef<number, Call, number, number> = await GenServer.start(counter, { system })
  GenServer.cast(ref, 2)
  return GenServer.call(ref, { type: 'get' })
}
export const prices: Promise<CacheRef<string, number>> = Cache.start<string, number>({ system, maxSize: 10 })
export const supervisor: RootSupervisor = createRootSupervisor({ system })

const guarded = wrap(retry(), circuitBreaker())
export const fetched: Effect<unknown, number> = effect(() => 1).withPolicy(guarded)
export const result: Promise<Result<unknown, number>> = fetched.unsafeRunPromise()

const atrion = new Atrion({ system })
export const gate: GateState | undefined = atrion.getState('app')?.gate

export const ofExpress = express()
ofExpress.use(forExpress.admission({ atrion, priority: (req) => (req.path === '/pay' ? 'critical' : 'normal') }))
ofExpress.use(forExpress.rateLimit({ windowMs: 60_000, limit: 10 }))
ofExpress.get('/', (req, res) => void res.json({ left: req.rateLimit?.remaining }))

export const ofFastify = Fastify()
ofFastify.register(forFastify.admission, { atrion })
ofFastify.register(forFastify.rateLimit, { limit: 10 })

export const ofKoa = new Koa()
ofKoa.use(forKoa.rateLimit({ limit: 10, keyGenerator: (ctx) => ctx.ip }))
ofKoa.use(forKoa.admission({ atrion }))

export const ofHono = new Hono()
ofHono.use(forFetch.admission({ atrion }))
export const handler: (request: Request) => Promise<Response> = forFetch.rateLimit({ limit: 10 })(() =>
  Response.json(true),
)

const shown: ObserveOptions = { http: true, refreshMs: 500 }
export const observation: Promise<Observation> = observe(system, shown)
const layout: DashboardOptions = { layout: 'compact' }
export const dashboard: Dashboard = new Dashboard(layout)
const spans: InstrumentOptions = { castSpans: 'parent' }
export const endSpans = (): unknown => instrument(system, spans)
export const metrics: Promise<string> | string = metricsText(system)
express().get('/metrics', metricsHandler(system))
