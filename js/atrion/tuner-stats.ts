import type { RouteReading } from '../protocol/admission.ts'

/** The distribution of R from which break thresholds are learned, over healthy time. */
export interface TunerStats {
  /** Mean of R, in ohms. */
  readonly mean: number
  /** Standard deviation of R, in ohms. */
  readonly stdDev: number
  /** Healthy time that was observed, in whole units of `config.minDeltaT`. */
  readonly sampleCount: number
  /** True once there was enough of it, by `autoTuner.warmupTicks`: the recovery threshold is learned then. */
  readonly isWarmedUp: boolean
}

const square = (value: number): number => value * value

/** Pools the distributions of routes, each by its time. */
export function pooledStats(readings: readonly RouteReading[]): TunerStats {
  const samples = readings.map(({ tunerMean = 0, tunerDeviation = 0, tunerTicks = 0, tunerIsWarm = 0 }) => ({
    mean: tunerMean,
    deviation: tunerDeviation,
    ticks: tunerTicks,
    isWarm: tunerIsWarm === 1,
  }))
  const ticks = samples.reduce((sum, sample) => sum + sample.ticks, 0)
  if (ticks === 0) return { mean: 0, stdDev: 0, sampleCount: 0, isWarmedUp: false }
  const mean = samples.reduce((sum, sample) => sum + sample.ticks * sample.mean, 0) / ticks
  const spread = samples.reduce(
    (sum, sample) => sum + sample.ticks * (square(sample.deviation) + square(sample.mean - mean)),
    0,
  )
  return {
    mean,
    stdDev: Math.sqrt(spread / ticks),
    sampleCount: Math.floor(ticks),
    isWarmedUp: samples.every(({ isWarm }) => isWarm),
  }
}
