import { type Outcome, type Phase, timeoutMs } from './load.mjs'

/** What the run of one server came to. Shares are from 0 to 1, and may pass 1 by chance. */
export interface Summary {
  /** Successes during the overload, as a share of what the database can do in that time. */
  readonly goodput: number
  /** Share of the critical requests that succeeded during the overload. */
  readonly critical: number
  /** Latency of the successes during the overload, in milliseconds. */
  readonly p50: number | undefined
  readonly p99: number | undefined
  /** Seconds from the end of the overload until all goes well again; `undefined` for never. */
  readonly recovery: number | undefined
  /** Requests refused, over the whole run. */
  readonly sheds: number
}

/** Well again: so many seconds in a row (fewer if the run does not last that long), with this share of successes. */
const healthySeconds = 3
const healthyShare = 0.99

export function summarize(outcomes: readonly Outcome[], phases: readonly Phase[], capacity: number): Summary {
  const [before, overload] = phases as [Phase, Phase]
  const begin = before.seconds * 1000
  const end = begin + overload.seconds * 1000
  const during = outcomes.filter(({ at }) => at >= begin && at < end)
  const critical = during.filter(({ priority }) => priority === 'critical')
  const latencies = successes(during).map(({ latencyMs }) => latencyMs)
  return {
    goodput: successes(during).length / (capacity * overload.seconds),
    critical: successes(critical).length / critical.length,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    recovery: recovery(
      outcomes.filter(({ at }) => at >= end),
      end,
    ),
    sheds: outcomes.filter(({ result }) => result === 'shed').length,
  }
}

const successes = (outcomes: readonly Outcome[]): Outcome[] =>
  outcomes.filter(({ result, latencyMs }) => result === 'ok' && latencyMs <= timeoutMs)

function quantile(samples: readonly number[], share: number): number | undefined {
  return samples.toSorted((a, b) => a - b)[Math.ceil(samples.length * share) - 1]
}

function recovery(after: readonly Outcome[], end: number): number | undefined {
  const secondOf = ({ at }: Outcome): number => Math.floor((at - end) / 1000)
  const seconds = Math.max(-1, ...after.map(secondOf)) + 1
  const enough = Math.min(healthySeconds, seconds)
  let inARow = 0
  for (let second = 0; second < seconds; second += 1) {
    const inSecond = after.filter((outcome) => secondOf(outcome) === second)
    inARow = successes(inSecond).length >= inSecond.length * healthyShare ? inARow + 1 : 0
    if (inARow === enough) return second + 1 - enough
  }
  return undefined
}
