import { describeSleeper } from '../clock/sleepers.ts'
import type { SimulatedClock } from './simulated-clock.ts'
import { inShort } from './event-log.ts'
import { nameOf, type SimulatedNode } from './node.ts'

/** The things that can wait in a run. */
interface Waiting {
  readonly now: number
  readonly clock: SimulatedClock
  readonly nodes: readonly SimulatedNode[]
}

/** The most lines. */
const MOST = 30

/** Returns a line for each wait of a run: who waits, for what, and where that began. */
export function waitsOf({ now, clock, nodes }: Waiting): string[] {
  const lines = clock.sleepers().map((sleeper) => `the program: ${describeSleeper(sleeper)}`)
  for (const node of nodes) {
    const { name, runtime } = node
    if (node.isCrashed) lines.push(`${name}: has crashed`)
    else if (node.pausedUntil > now) lines.push(`${name}: is paused until ${node.pausedUntil} ms`)
    for (const call of runtime.openCalls) {
      const caller = call.caller === undefined ? 'somebody' : call.caller.id
      lines.push(`${name}: ${caller} waits for ${call.target.id} to answer ${inShort(call.message)}`)
    }
    lines.push(...runtime.unheardCalls)
    for (const process of runtime.alive) {
      if (process.busy) lines.push(`${name}: a handler of ${nameOf(process)} has not ended`)
      const mail = runtime.mailboxSize(process)
      if (mail > 0) lines.push(`${name}: ${mail} of ${nameOf(process)} in its mailbox`)
    }
    if (!node.isCrashed) lines.push(...node.clock.sleepers().map((sleeper) => `${name}: ${describeSleeper(sleeper)}`))
  }
  return lines.length > MOST ? [...lines.slice(0, MOST), `… and ${lines.length - MOST} more`] : lines
}
