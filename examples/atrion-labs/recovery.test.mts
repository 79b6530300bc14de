import {
  closedAt,
  type PhaseCounts,
  recoveryCharts,
  recoveryLab,
  type RecoveryResult,
  recoveryTable,
} from './recovery.mjs'

const SEEDS = [1, 2, 3]

describe('the recovery lab', () => {
  const runs = new Map<number, RecoveryResult[]>()
  beforeAll(async () => {
    for (const seed of SEEDS) runs.set(seed, await recoveryLab(seed))
  })
  const guard = (seed: number, name: string): RecoveryResult =>
    runs.get(seed)?.find((one) => one.name === name) as RecoveryResult
  const phase = (result: RecoveryResult, name: string): PhaseCounts =>
    result.phases.find((one) => one.name === name) as PhaseCounts
  const refusedInHealth = ({ phases }: RecoveryResult): number =>
    phases.reduce((sum, one) => sum + one.refusedInHealth, 0)

  test.each(SEEDS)('the gate keeps most calls from a service that is down (seed %i)', (seed) => {
    const { calls, wasted } = phase(guard(seed, 'gate'), 'down')
    expect(wasted).toBeLessThan(0.25 * calls)
    expect(phase(guard(seed, 'nothing'), 'down').wasted).toBe(calls)
  })

  test.each(SEEDS)('the gate closes by itself, when R has fallen below its recovery point (seed %i)', (seed) => {
    const closed = closedAt(guard(seed, 'gate'))
    expect(closed?.r).toBeLessThan(closed?.recoveryAt ?? 0)
    expect(closed?.recoveryAt).toBeLessThan(closed?.breakAt ?? 0)
  })

  test.each(SEEDS)('the gate is back within a second or so, the breaker when its time is over (seed %i)', (seed) => {
    expect(guard(seed, 'gate').backAfterMs).toBeLessThan(1500)
    expect(guard(seed, 'breaker').backAfterMs).toBeGreaterThan(guard(seed, 'gate').backAfterMs ?? 0)
    expect(guard(seed, 'breaker').backAfterMs).toBeLessThan(10_500)
  })

  test.each(SEEDS)('while the service flaps, the gate refuses far fewer calls that would succeed (seed %i)', (seed) => {
    const [gate, breaker] = ['gate', 'breaker'].map((name) => refusedInHealth(guard(seed, name))) as [number, number]
    expect(gate).toBeLessThan(breaker / 3)
    expect(phase(guard(seed, 'gate'), 'flapping').succeeded).toBeGreaterThan(
      3 * phase(guard(seed, 'breaker'), 'flapping').succeeded,
    )
  })

  test.each(SEEDS)('the breaker wastes the fewest calls, which is its side of the bargain (seed %i)', (seed) => {
    const wasted = (name: string): number => guard(seed, name).phases.reduce((sum, one) => sum + one.wasted, 0)
    expect(wasted('breaker')).toBeLessThan(wasted('gate'))
    expect(wasted('gate')).toBeLessThan(wasted('nothing') / 2)
  })

  test('the same seed gives the same fate', async () => {
    expect(await recoveryLab(1)).toEqual(runs.get(1))
  })

  test('the table and the charts have each guard', () => {
    const results = runs.get(1) as RecoveryResult[]
    for (const { name } of results) expect(recoveryTable(results)).toContain(name)
    const [calls, ohms] = recoveryCharts(results, 1)
    expect(calls?.series.map(({ name }) => name)).toEqual(['nothing', 'breaker', 'gate'])
    expect(ohms?.series.map(({ name }) => name)).toEqual(['opens at', 'closes at', 'R'])
  })
})
