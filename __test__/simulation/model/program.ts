/** Random programs of whole systems: nodes with supervised processes, buses, caches, effects, and what goes wrong. */
import * as fc from 'fast-check'
import { createAtom } from 'keelson/atom'
import { effect, sleep } from 'keelson/effect'
import { Agent, Cache, EventBus, GenServer, type GenServerRef, Supervisor } from 'keelson/otp'
import { createRootSupervisor } from 'keelson/process'
import type { Faults, Simulation, SimulationProgram } from 'keelson/simulation'
import type { System } from 'keelson/system'

/** The work of a handler for a message. */
type Act =
  | { readonly kind: 'call' | 'cast'; readonly to: number }
  | { readonly kind: 'sleep' | 'timer'; readonly ms: number }
  | { readonly kind: 'throw' | 'draw' | 'publish' | 'load' | 'commit' }

type Op =
  | { readonly kind: 'send' | 'ask'; readonly to: number; readonly acts: readonly Act[] }
  | { readonly kind: 'wait' | 'jump'; readonly ms: number }
  | { readonly kind: 'crash' | 'tell' | 'run' | 'choose'; readonly to: number }
  | { readonly kind: 'pause'; readonly to: number; readonly ms: number }

/** A program and its faults. */
export interface World {
  readonly nodes: number
  readonly perNode: number
  readonly faults: Faults
  readonly ops: readonly Op[]
}

const place = fc.nat(11)
const ms = fc.nat(50)

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ kind: fc.constantFrom('call' as const, 'cast' as const), to: place }),
  fc.record({ kind: fc.constantFrom('sleep' as const, 'timer' as const), ms }),
  fc.record({
    kind: fc.constantFrom('throw' as const, 'draw' as const, 'publish' as const, 'load' as const, 'commit' as const),
  }),
)

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('send' as const, 'ask' as const),
      to: place,
      acts: fc.array(act, { maxLength: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('wait' as const, 'jump' as const), ms }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('crash' as const, 'tell' as const, 'run' as const, 'choose' as const),
      to: place,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause' as const), to: place, ms: fc.nat(2000) }) },
)

const rate = fc.constantFrom(0, 0, 0.02, 0.1)

export const worldProgram: fc.Arbitrary<World> = fc.record({
  nodes: fc.integer({ min: 1, max: 3 }),
  perNode: fc.integer({ min: 1, max: 3 }),
  faults: fc.record({ crash: rate, delay: rate, pause: rate, skew: rate }),
  ops: fc.array(op, { minLength: 3, maxLength: 30 }),
})

const ignore = (): undefined => undefined

type Bus = Awaited<ReturnType<typeof EventBus.start>>
type Store = Awaited<ReturnType<typeof Cache.start>>

/** One node: its supervised processes, and the services that they use. */
class Machine {
  readonly system: System
  readonly #supervisor: GenServerRef
  readonly #bus: Bus
  readonly #cache: Store
  readonly #atom: ReturnType<typeof createAtom<number>>
  #loads = 0

  private constructor(system: System, parts: { supervisor: GenServerRef; bus: Bus; cache: Store }) {
    this.system = system
    this.#supervisor = parts.supervisor
    this.#bus = parts.bus
    this.#cache = parts.cache
    this.#atom = createAtom(0, { system })
  }

  static async start(system: System, count: number, all: () => readonly Machine[]): Promise<Machine> {
    const bus = await EventBus.start({ system })
    const cache = await Cache.start({ system })
    const machine: { value?: Machine } = {}
    const behavior = {
      init: () => ({ handled: 0 }),
      handleCall: async (acts: readonly Act[], state: { handled: number }): Promise<[number, typeof state]> => {
        for (const each of acts) await machine.value?.act(each, all())
        return [++state.handled, state]
      },
      handleCast: async (acts: readonly Act[], state: { handled: number }) => {
        for (const each of acts) await machine.value?.act(each, all())
        state.handled++
        return state
      },
    }
    const supervisor = (await Supervisor.start({
      system,
      restartIntensity: { maxRestarts: 100_000, withinMs: 1000 },
      children: Array.from({ length: count }, (_, index) => ({
        id: `child ${index}`,
        start: () => GenServer.start(behavior as never, { system }),
      })),
    })) as unknown as GenServerRef
    machine.value = new Machine(system, { supervisor, bus, cache })
    return machine.value
  }

  child(index: number): GenServerRef | undefined {
    const children = Supervisor.getChildren(this.#supervisor as never)
    return children[index % children.length]?.ref as GenServerRef | undefined
  }

  async act(each: Act, all: readonly Machine[]): Promise<void> {
    const { clock, random } = this.system
    switch (each.kind) {
      case 'call':
        await GenServer.call(childOf(all, each.to) as never, [] as never, { timeout: 200 }).catch(ignore)
        break
      case 'cast':
        cast(childOf(all, each.to), [{ kind: 'draw' }])
        break
      case 'sleep':
        await clock.sleep(each.ms)
        break
      case 'timer':
        clock.schedule(each.ms, () => random.next())
        break
      case 'throw':
        throw new Error('of a handler')
      case 'draw':
        await clock.sleep(random.int(5) + Math.floor(Math.random() * 5))
        break
      case 'publish':
        EventBus.publish(this.#bus as never, 'news', 1 as never)
        break
      case 'load':
        await Cache.getOrSet(this.#cache, `key ${++this.#loads % 3}`, async () => {
          await clock.sleep(random.int(10))
          return this.#loads
        })
        break
      default:
        this.#atom.swap((count) => count + 1)
    }
  }

  /** Runs things that are no processes of a supervisor. */
  async run(which: number): Promise<void> {
    const { system } = this
    if (which % 3 === 0) {
      await sleep(which)
        .map(() => system.random.next())
        .run({ system })
      await effect(async () => undefined).run({ system })
    } else if (which % 3 === 1) {
      const agent = await Agent.start(() => 0, { system })
      await Agent.update(agent, (count) => count + 1)
      await Agent.stop(agent)
    } else {
      const root = createRootSupervisor({ system })
      const ref = root.spawn({ name: 'stateful', init: () => 0, handle: (state: number) => state + 1 }, undefined)
      ref.send('go')
      await root.stop()
    }
  }
}

const childOf = (all: readonly Machine[], to: number): GenServerRef | undefined =>
  (all[to % all.length] as Machine).child(Math.floor(to / all.length))

function cast(ref: GenServerRef | undefined, acts: readonly Act[]): void {
  try {
    GenServer.cast(ref as never, acts as never)
  } catch {
    // It restarts.
  }
}

/** Returns the program of a world. */
export const programOf =
  ({ nodes, perNode, ops }: World): SimulationProgram =>
  async (sim: Simulation) => {
    const all: Machine[] = []
    for (let node = 0; node < nodes; node++)
      all.push(await Machine.start(sim.system(`node ${node}`), perNode, () => all))
    const asked: Promise<unknown>[] = []
    for (const each of ops) {
      switch (each.kind) {
        case 'send':
          cast(childOf(all, each.to), each.acts)
          break
        case 'ask':
          asked.push(GenServer.call(childOf(all, each.to) as never, each.acts as never, { timeout: 500 }).catch(ignore))
          break
        case 'wait':
          await sim.clock.sleep(each.ms)
          break
        case 'jump':
          sim.clock.jumpWall(each.ms - 25, (all[each.ms % nodes] as Machine).system)
          break
        case 'crash': {
          const victim = childOf(all, each.to)
          if (victim !== undefined && GenServer.isRunning(victim)) sim.crash(victim)
          break
        }
        case 'tell':
          await (all[each.to % nodes] as Machine).act({ kind: 'publish' }, all)
          break
        case 'run':
          asked.push((all[each.to % nodes] as Machine).run(each.to).catch(ignore))
          break
        case 'choose':
          sim.choose(each.to + 1, 'by the program')
          break
        default:
          sim.pause((all[each.to % nodes] as Machine).system, each.ms)
      }
    }
    await Promise.all(asked)
    await sim.settle({ heal: true })
  }
