/** Random programs of nodes that send, call, part, heal, crash and pause. */
import * as fc from 'fast-check'
import { isCallTimeoutError, isServerNotRunningError } from 'keelson'
import { GenServer, type GenServerRef } from 'keelson/otp'
import type { Faults, Simulation, SimulationProgram } from 'keelson/simulation'
import type { System } from 'keelson/system'

import { startServer } from '../races/tools.ts'

type Op =
  | { readonly kind: 'cast' | 'call' | 'relay'; readonly from: number; readonly to: number }
  | { readonly kind: 'partition'; readonly from: number; readonly to: number; readonly oneWay: boolean }
  | { readonly kind: 'heal' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'pause'; readonly to: number; readonly ms: number }
  | { readonly kind: 'crash'; readonly to: number }

/** A program and its faults. */
export interface Traffic {
  readonly faults: Faults
  readonly ops: readonly Op[]
}

const NODES = 3
const node = fc.nat(NODES - 1)

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('cast' as const, 'call' as const, 'relay' as const),
      from: node,
      to: node,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(200) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('partition' as const), from: node, to: node, oneWay: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('heal' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause' as const), to: node, ms: fc.nat(500) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), to: node }) },
)

const rate = fc.constantFrom(0, 0, 0.05, 0.3)

export const traffic: fc.Arbitrary<Traffic> = fc.record({
  faults: fc.record({
    latency: rate,
    loss: rate,
    duplicate: rate,
    reorder: rate,
    partition: rate,
    delay: rate,
    skew: rate,
  }),
  ops: fc.array(op, { minLength: 3, maxLength: 30 }),
})

/** A message: who sent it, as the how-manieth to this receiver, and where it goes next. */
interface Sent {
  readonly type: 'sent'
  readonly from: string
  readonly number: number
  readonly next?: GenServerRef | undefined
  readonly [field: string]: unknown
}

/** Receives messages, and notes those of each sender. */
class Receiver {
  readonly system: System
  readonly ref: GenServerRef
  readonly seen = new Map<string, number[]>()
  isCrashed = false

  private constructor(system: System, ref: GenServerRef, seen: Map<string, number[]>) {
    this.system = system
    this.ref = ref
    this.seen = seen
  }

  static async start(system: System): Promise<Receiver> {
    const seen = new Map<string, number[]>()
    const ref = await startServer(
      system,
      () => ({}),
      (message) => {
        const { from, number, next } = message as unknown as Sent
        seen.set(from, [...(seen.get(from) ?? []), number])
        if (next === undefined) return number
        return GenServer.call(
          next as never,
          { ...message, next: undefined, from: `${from} by ${system.name}` } as never,
          {
            timeout: 300,
          },
        ).catch(() => -1)
      },
    )
    return new Receiver(system, ref, seen)
  }
}

/** Returns the faults of a run of a program that no choice of faults explains. */
function faultsIn(
  all: readonly Receiver[],
  {
    sent,
    casts,
  }: { readonly sent: ReadonlyMap<string, number>; readonly casts: ReadonlyMap<string, readonly number[]> },
  { faults, ops }: Traffic,
): string[] {
  const { loss = 0, duplicate = 0, reorder = 0, partition = 0 } = faults
  const mayLose = loss > 0 || partition > 0 || ops.some(({ kind }) => kind === 'partition' || kind === 'crash')
  const found: string[] = []
  for (const { system, seen } of all) {
    for (const [from, numbers] of seen) {
      const most = sent.get(`${from} to ${system.name}`)
      if (most === undefined) continue
      const once = [...new Set(numbers)]
      const firsts = once.every((number, index) => index === 0 || number > (once[index - 1] as number))
      if (reorder === 0 && !firsts) found.push(`${from} is out of order: ${numbers.join()}`)
      if (duplicate === 0 && once.length < numbers.length) found.push(`${from} is repeated: ${numbers.join()}`)
      if (once.some((number) => number >= most)) found.push(`${from} was never sent: ${numbers.join()}`)
    }
  }
  if (mayLose) return found
  // A call past its deadline is not run.
  for (const [key, numbers] of casts) {
    const [from = '', to = ''] = key.split(' to ')
    const got = all.find(({ system }) => system.name === to)?.seen.get(from) ?? []
    const missing = numbers.filter((number) => !got.includes(number))
    if (missing.length > 0) found.push(`${key}: ${missing.join()} never arrived`)
  }
  return found
}

/** Returns the program. It fails when something arrives that nobody sent, or out of order, or a call ends twice or never. */
export const programOf =
  (world: Traffic): SimulationProgram =>
  async (sim: Simulation) => {
    const all = await Promise.all(Array.from({ length: NODES }, (_, index) => Receiver.start(sim.system(`n${index}`))))
    const sent = new Map<string, number>()
    const casts = new Map<string, number[]>()
    let [calls, ended] = [0, 0]
    const next = (from: Receiver, to: Receiver): Sent => {
      const key = `${from.system.name} to ${to.system.name}`
      const number = sent.get(key) ?? 0
      sent.set(key, number + 1)
      return { type: 'sent', from: from.system.name, number }
    }
    for (const each of world.ops) {
      const [from, to] = [all['from' in each ? each.from : 0], all['to' in each ? each.to : 0]] as [Receiver, Receiver]
      switch (each.kind) {
        case 'cast': {
          if (from.isCrashed) break
          const message = next(from, to)
          const key = `${from.system.name} to ${to.system.name}`
          casts.set(key, [...(casts.get(key) ?? []), message.number])
          sim.inside(from.system, () => GenServer.cast(to.ref as never, message as never))
          break
        }
        case 'call':
        case 'relay': {
          if (from.isCrashed) break
          const message = { ...next(from, to), ...(each.kind === 'relay' && { next: all[(each.to + 1) % NODES]?.ref }) }
          calls++
          sim.inside(from.system, () =>
            GenServer.call(to.ref as never, message as never, { timeout: 400 })
              .catch((error: unknown) => {
                if (!isCallTimeoutError(error) && !isServerNotRunningError(error)) throw error
              })
              .finally(() => ended++),
          )
          break
        }
        case 'partition':
          if (from !== to) sim.network.partition(from.system, to.system, { oneWay: each.oneWay })
          break
        case 'heal':
          sim.network.heal()
          break
        case 'wait':
          await sim.clock.sleep(each.ms)
          break
        case 'pause':
          sim.pause(to.system, each.ms)
          break
        default:
          to.isCrashed = true
          sim.crash(to.system)
      }
    }
    await sim.settle({ heal: true })
    if (ended > calls) throw new Error(`${ended} of ${calls} calls have ended`)
    if (!all.some(({ isCrashed }) => isCrashed) && ended < calls)
      throw new Error(`${ended} of ${calls} calls have ended`)
    const [fault] = faultsIn(all, { sent, casts }, world)
    if (fault !== undefined) throw new Error(fault)
  }
