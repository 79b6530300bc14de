// The doors of the loopback runs: those of the simulator that fit in a few lines, and ours.
import { createSystem, type Priority } from 'keelson'
import { Atrion } from 'keelson/atrion'

/** Called when the work ends; `inTime`: its client was still there. */
export type Leave = (inTime: boolean) => void

/** A door: how to leave again, or undefined for a refusal. The signal says that the client left. */
export type Door = (priority: Priority, signal: AbortSignal) => Leave | undefined | Promise<Leave | undefined>

const open: Door = () => () => {}

function fixed(limit: number): Door {
  let inFlight = 0
  return () => {
    if (inFlight >= limit) return undefined
    inFlight += 1
    return () => void (inFlight -= 1)
  }
}

/** As in concurrency-limits: one more when the limit is in use, a tenth less when a client left. */
function aimd(): Door {
  let limit = 20
  let inFlight = 0
  return () => {
    if (inFlight >= Math.floor(limit)) return undefined
    inFlight += 1
    const started = inFlight
    return (inTime) => {
      inFlight -= 1
      if (!inTime) limit = Math.max(1, limit * 0.9)
      else if (started * 2 >= limit) limit = Math.min(200, limit + 1)
    }
  }
}

/** As opossum does: half of the calls of 10 s failing opens it for 5 s, and then one probe decides. */
function breaker(now: () => number): Door {
  let calls: { at: number; failed: boolean }[] = []
  let openUntil = -1
  let probing = false
  return (_, signal) => {
    const half = openUntil >= 0
    if (half && (now() < openUntil || probing)) return undefined
    probing = half
    let counted = false
    const count = (failed: boolean): void => {
      if (counted) return
      counted = true
      const at = now()
      calls = [...calls.filter((call) => at - call.at < 10_000), { at, failed }]
      if (half) {
        probing = false
        openUntil = failed ? at + 5000 : -1
        if (!failed) calls = []
      } else if (failed && openUntil < 0 && calls.filter((call) => call.failed).length * 2 > calls.length) {
        openUntil = at + 5000
      }
    }
    signal.addEventListener('abort', () => count(true), { once: true })
    return (inTime) => count(!inTime)
  }
}

function keelson(): Door {
  const atrion = new Atrion({ system: createSystem({ seed: 1 }) })
  return async (priority, signal) => {
    const ticket = await atrion.admit('db', { priority, signal }).catch(() => undefined)
    if (!ticket?.allow) return undefined
    signal.addEventListener('abort', () => ticket.left(), { once: true })
    return () => ticket.done()
  }
}

/** Every door by its name in the simulator. */
export function door(name: string, now: () => number): Door {
  const doors: Record<string, () => Door> = {
    none: () => open,
    'fixed 12': () => fixed(12),
    AIMD: aimd,
    breaker: () => breaker(now),
    keelson,
  }
  const make = doors[name]
  if (make === undefined) throw new RangeError(`there is no door ${name}`)
  return make()
}
