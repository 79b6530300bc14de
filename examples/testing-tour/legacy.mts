// Code of somebody else, which reads the host's time itself.

const untilNextHour = (): number => 3_600_000 - (Date.now() % 3_600_000)

/** Calls back at each full hour of the wall clock. Returns a function that ends it. */
export function hourly(callback: (at: string) => void): () => void {
  const ring = (): void => {
    callback(new Date().toISOString())
    timer = setTimeout(ring, untilNextHour())
  }
  let timer = setTimeout(ring, untilNextHour())
  return () => clearTimeout(timer)
}
