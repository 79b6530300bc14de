/** `process.hrtime`, on a clock. */

const NANOS_A_MS = 1e6
const NANOS_A_SECOND = 1_000_000_000n

type HrTime = typeof process.hrtime

/** Returns a `process.hrtime` whose present is the monotonic time that `now` returns, in milliseconds. */
export function fakeHrtime(host: HrTime, isActive: () => boolean, now: () => number): HrTime {
  const bigint = (): bigint => (isActive() ? BigInt(Math.round(now() * NANOS_A_MS)) : host.bigint())
  const hrtime = (previous?: [number, number]): [number, number] => {
    const isPair = previous === undefined || (Array.isArray(previous) && previous.length === 2)
    // The host refuses others in its own words.
    if (!isActive() || !isPair) return host(previous)
    const before = previous === undefined ? 0n : BigInt(previous[0]) * NANOS_A_SECOND + BigInt(previous[1])
    const since = bigint() - before
    return [Number(since / NANOS_A_SECOND), Number(since % NANOS_A_SECOND)]
  }
  return Object.assign(hrtime, { bigint })
}
