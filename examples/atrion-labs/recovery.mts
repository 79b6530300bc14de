// The recovery lab: a service fails, comes back, and then flaps. How long does what guards it keep callers away?
import { Atrion } from 'keelson/atrion'
import { createControlledClock } from 'keelson/clock'
import { circuitBreaker } from 'keelson/effect'
import { createSystem, type System } from 'keelson/system'

import type { Chart } from './plot.mjs'

const CALLS_PER_SECOND = 50
const CALL_MS = 20
const SAMPLE_MS = 100

/** A stretch of time; `fails` returns whether the service fails at a moment of it. */
interface Phase {
  readonly name: string
  readonly fromMs: number
  readonly toMs: number
  readonly fails: (ms: number) => boolean
}

/** Draws the fate of the service: an outage of 15 to 25 seconds, and flaps of one to three seconds. */
function drawPhases(random: System['random']): Phase[] {
  const outageMs = 15_000 + 10_000 * random.next()
  const flaps: number[] = []
  for (let at = 0; at < 40_000;) flaps.push((at += 1000 + 2000 * random.next()))
  const parts: readonly [name: string, ms: number, fails: (ms: number) => boolean][] = [
    ['healthy', 20_000, () => false],
    ['down', outageMs, () => true],
    ['healthy again', 30_000, () => false],
    ['flapping', 40_000, (ms) => flaps.findIndex((flap) => ms < flap) % 2 === 0],
    ['healthy at last', 20_000, () => false],
  ]
  let fromMs = 0
  return parts.map(([name, ms, fails]) => ({ name, fromMs, toMs: (fromMs += ms), fails }))
}

/** The gate at a moment. */
interface Sample {
  readonly seconds: number
  readonly r: number
  readonly breakAt: number
  readonly recoveryAt: number
  readonly isOpen: boolean
}

/** The outcomes of the calls in a phase. */
export interface PhaseCounts {
  readonly name: string
  calls: number
  succeeded: number
  /** Calls that reached the service while it failed. */
  wasted: number
  /** Calls that were refused while the service was healthy. */
  refusedInHealth: number
}

export interface RecoveryResult {
  readonly name: string
  readonly phases: readonly PhaseCounts[]
  /** The share of calls that succeeded, by second. */
  readonly perSecond: readonly number[]
  /** From the end of the outage until nine of the last ten calls have succeeded. */
  readonly backAfterMs: number | undefined
  /** The number of times that it shut the service off. */
  readonly openings: number
  /** Only the gate has them. */
  readonly samples: readonly Sample[]
}

interface Guard {
  readonly call: (work: () => Promise<void>) => Promise<unknown>
  readonly isOpen: () => boolean
  readonly sample?: () => Omit<Sample, 'seconds' | 'isOpen'> | undefined
}

const GUARDS: Readonly<Record<string, (system: System) => Guard>> = {
  nothing: () => ({ call: (work) => work(), isOpen: () => false }),
  breaker: (system) => {
    const breaker = circuitBreaker({ system, consecutive: 5, openForMs: 10_000 })
    return { call: (work) => breaker.execute(work), isOpen: () => breaker.state === 'open' }
  },
  gate: (system) => {
    const atrion = new Atrion({ system })
    return {
      call: (work) => atrion.run('service', work),
      isOpen: () => atrion.getState('service')?.mode === 'CIRCUIT_BREAKER',
      sample: () => {
        const state = atrion.getState('service')
        return state && { r: state.resistance, breakAt: state.breakAt, recoveryAt: state.recoveryAt }
      },
    }
  },
}

async function runGuard(name: string, guardOf: (system: System) => Guard, seed: number): Promise<RecoveryResult> {
  const clock = createControlledClock({ trace: false })
  const system = createSystem({ clock, seed })
  const plan = drawPhases(createSystem({ clock, seed }).random)
  const endMs = plan.at(-1)?.toMs ?? 0
  const phases = plan.map(({ name: phase }) => ({ name: phase, calls: 0, succeeded: 0, wasted: 0, refusedInHealth: 0 }))
  const seconds = Array.from({ length: Math.ceil(endMs / 1000) }, () => ({ ok: 0, all: 0 }))
  const guard = guardOf(system)
  const outage = plan[1]
  let [inARow, backAfterMs]: [boolean[], number | undefined] = [[], undefined]

  const call = async (): Promise<void> => {
    const now = clock.monoMs()
    const place = plan.findIndex(({ toMs }) => now < toMs)
    const [phase, counts, second] = [plan[place], phases[place], seconds[Math.floor(now / 1000)]]
    if (phase === undefined || counts === undefined || second === undefined || outage === undefined) return
    const fails = phase.fails(now - phase.fromMs)
    let reached = false
    const isOk = await guard
      .call(async () => {
        reached = true
        await clock.sleep(CALL_MS)
        if (fails) throw new Error('the service failed')
      })
      .then(
        () => true,
        () => false,
      )
    counts.calls += 1
    second.all += 1
    if (isOk) {
      counts.succeeded += 1
      second.ok += 1
    } else if (reached) counts.wasted += 1
    else if (!fails) counts.refusedInHealth += 1
    if (now < outage.toMs) return
    inARow = [...inARow.slice(-9), isOk]
    if (inARow.length === 10 && inARow.filter(Boolean).length >= 9) backAfterMs ??= clock.monoMs() - outage.toMs
  }
  for (let at = 0; at < endMs; at += 1000 / CALLS_PER_SECOND) clock.schedule(at, call)

  const samples: Sample[] = []
  let [openings, wasOpen] = [0, false]
  for (let at = SAMPLE_MS; at <= endMs; at += SAMPLE_MS) {
    await clock.set(at)
    const isOpen = guard.isOpen()
    if (isOpen && !wasOpen) openings += 1
    wasOpen = isOpen
    const sample = guard.sample?.()
    if (sample !== undefined) samples.push({ seconds: at / 1000, isOpen, ...sample })
  }
  await clock.runUntilIdle()
  await system.close()
  const perSecond = seconds.map(({ ok, all }) => ok / Math.max(1, all))
  return { name, phases, perSecond, backAfterMs, openings, samples }
}

/** Runs the same calls through nothing, a circuit breaker, and the gate. */
export async function recoveryLab(seed: number): Promise<RecoveryResult[]> {
  const results: RecoveryResult[] = []
  for (const [name, guardOf] of Object.entries(GUARDS)) results.push(await runGuard(name, guardOf, seed))
  return results
}

const total = (result: RecoveryResult, of: (phase: PhaseCounts) => number): number =>
  result.phases.reduce((sum, phase) => sum + of(phase), 0)

/** One row for each guard. */
export function recoveryTable(results: readonly RecoveryResult[]): string {
  const rows = [
    ['', 'calls that failed', 'healthy calls refused', 'openings', 'back after'],
    ...results.map((one) => [
      one.name,
      String(total(one, ({ wasted }) => wasted)),
      String(total(one, ({ refusedInHealth }) => refusedInHealth)),
      String(one.openings),
      one.backAfterMs === undefined ? 'never' : `${(one.backAfterMs / 1000).toFixed(1)} s`,
    ]),
  ]
  return rows
    .map(([first = '', ...cells]) => first.padEnd(8) + cells.map((cell) => cell.padStart(24)).join(''))
    .join('\n')
}

/** The resistance at which the gate let calls through again after the outage. */
export function closedAt({ samples }: RecoveryResult): Sample | undefined {
  return samples.find((sample, index) => !sample.isOpen && samples[index - 1]?.isOpen === true)
}

/** Two charts: successful calls of each guard, and the resistance of the gate. */
export function recoveryCharts(results: readonly RecoveryResult[], seed: number): Chart[] {
  const phases = drawPhases(createSystem({ clock: createControlledClock(), seed }).random)
  const bands = phases.map(({ name, fromMs, toMs }) => ({ name, from: fromMs / 1000, to: toMs / 1000 }))
  const shares = results.map(({ name, perSecond }) => ({
    name,
    points: perSecond.map((share, second) => [second, share * 100] as const),
  }))
  const samples = results.flatMap((one) => one.samples)
  const line = (name: string, of: (sample: Sample) => number) => ({
    name,
    points: samples.map((sample) => [sample.seconds, of(sample)] as const),
  })
  const ohms = [
    line('opens at', ({ breakAt }) => breakAt),
    line('closes at', ({ recoveryAt }) => recoveryAt),
    line('R', ({ r }) => r),
  ]
  return [
    { title: 'calls that succeed, in %', xLabel: 's', series: shares, bands },
    { title: 'resistance of the gate, in ohms', xLabel: 's', series: ohms, bands },
  ]
}
