import { Atrion, isShedError, type RouteDecision, type Shed, type Ticket } from 'keelson'
import { createSystem, type System } from 'keelson/system'
import { createTestSystem, withSystem } from 'keelson/testing'

const system: System = createSystem({ seed: 1 })
const atrion = new Atrion({ system, admission: { limit: 5 }, autoTuner: false, slo: { criticality: { latency: 5 } } })

const decision: RouteDecision = atrion.route('api', { latencyMs: 5 }, { priority: 'high' })
atrion.route('api', { latencyMs: 5, errorRate: 0.1, saturation: 0.5 }, 120)

const admission: Ticket | Shed = await atrion.admit('db', { priority: 'critical', timeoutMs: 500 })
if (admission.allow) admission.done({ ok: true })
else admission.retryAfterMs satisfies number

const rows: string[] = await atrion.run('db', async ({ signal }) => [String(signal.aborted)])
const count: number = await atrion.run('db', () => rows.length, { priority: 80 })

try {
  await atrion.run('db', () => 1)
} catch (error) {
  if (isShedError(error)) error.retryAfterMs satisfies number
}

// A test system is a system whose clock is under control.
const test: System = createTestSystem({ seed: 7 })
withSystem(async ({ clock, random }) => {
  await clock.advance(random.int(5))
}) satisfies () => Promise<void>

// @ts-expect-error no such priority
atrion.tryAdmit('db', { priority: 'vip' })
// @ts-expect-error latency is needed
atrion.route('api', { errorRate: 0.1 })
// @ts-expect-error a shed has nothing to report
if (!admission.allow) admission.done()
// @ts-expect-error no such option
export const misspelt = new Atrion({ admision: {} })

export { count, decision, test }

const earlier = new Atrion({
  engine: 'wasm',
  useWasm: true,
  slo: { maxAcceptableLatencyMs: 500 },
  autoTuner: { recoveryMultiplier: 0.5 },
  observer: {
    onUpdate: ({ modeTransition, pressureMagnitude }) => [modeTransition?.to, pressureMagnitude satisfies number],
  },
})
earlier.getTunerStats()?.stdDev satisfies number | undefined
earlier.usingWasm satisfies boolean
const started = await earlier.startTask('a', { timeout: 5, metadata: { job: 7 } })
started.metadata?.['job'] satisfies unknown
;[started.startedAt, started.expiresAt] satisfies number[]
;[started.routeId, started.isActive] satisfies [string, boolean]
// @ts-expect-error there is no such engine
void new Atrion({ engine: 'rust' })
// @ts-expect-error an observer has onUpdate
earlier.observe({ onEvent: () => {} })
