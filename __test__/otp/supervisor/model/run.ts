/** Runs random programs about supervisors: what must hold while they run, and when they have come to rest. */
import {
  type ChildSpec,
  type ControlledClock,
  createControlledClock,
  createSystem,
  GenServer,
  type GenServerBehavior,
  type GenServerRef,
  isMaxRestartsExceededError,
  Supervisor,
  type SupervisorOptions,
  type SupervisorRef,
  type System,
} from 'keelson'

import type { Reach } from '../../../support/programs.ts'
import type { ChildPlan, Op, Program, TreePlan } from './program.ts'

type Worker = GenServerRef<number, unknown, string, number>

interface Request {
  readonly kind: 'start' | 'terminate' | 'restart'
  readonly id: string
  outcome: 'open' | 'ok' | 'refused' | 'failed'
}

/** One supervisor, from its start to its end. */
interface Scope {
  readonly plan: TreePlan
  readonly path: string
  ref: SupervisorRef | undefined
  stopped: boolean
  readonly requests: Request[]
  /** Children that were asked to end by themselves. */
  readonly ended: Set<string>
  /** The position of the last start of each child in the order of starts. */
  readonly startedAs: Map<string, number>
  readonly living: Map<string, string>
  /** The times at which it learned of crashes of its workers. */
  readonly crashes: number[]
  troubles: number
  starting: number
  failing: number
  stopping: number
}

const letters = ['a', 'b', 'c', 'd', 'e']
const NAMES = /^child_\d+$/

export class Run {
  readonly problems: string[] = []
  readonly #clock: ControlledClock = createControlledClock()
  readonly #system: System
  readonly #reach: Reach
  readonly #scopes: Scope[] = []
  readonly #failing: Map<string, number> = new Map()
  readonly #workers: Map<string, { readonly scope: Scope; readonly id: string }> = new Map()
  readonly #open: Set<string> = new Set()
  #starts = 0
  #gaveUp = 0
  #asked = 0

  constructor(reach: Reach) {
    this.#reach = reach
    this.#system = createSystem({
      clock: this.#clock,
      seed: 7,
      crashReports: false,
      onError: (error, origin) => {
        // Nobody asks for `terminated` of the root, and nobody is above it.
        if (isMaxRestartsExceededError(error) && error.supervisorId === this.#scopes[0]?.ref?.id) this.#gaveUp++
        else this.problems.push(`reported: ${String(error)} of ${origin}`)
      },
    })
    GenServer.onLifecycleEvent((event) => {
      if (event.type !== 'terminated') return
      const owner = this.#workers.get(event.ref.id)
      if (owner?.scope.living.get(owner.id) === event.ref.id) owner.scope.living.delete(owner.id)
      this.#workers.delete(event.ref.id)
    }, this.#system)
    Supervisor.onLifecycleEvent((event) => {
      if (event.type !== 'crashed') return
      const owner = this.#last.get(event.ref.id)
      if (owner === undefined) return
      owner.scope.troubles++
      if (event.error.message === 'crash' && owner.plan.restart !== 'temporary') {
        owner.scope.crashes.push(this.#clock.monoMs())
      }
    }, this.#system)
  }

  /** The child of each ref, also after the end of its process. */
  readonly #last: Map<string, { readonly scope: Scope; readonly id: string; readonly plan: ChildPlan }> = new Map()

  async run({ tree, ops, ending }: Program): Promise<void> {
    this.#reach.program(ops.map(({ kind }) => kind))
    const root = this.#scope(tree, 'r')
    const begun = this.#watch('the start', Supervisor.start(this.#options(root)))
    void begun.then((ref) => (root.ref = ref as SupervisorRef | undefined))
    await this.#rest(10)
    if (root.ref !== undefined) {
      for (const each of ops) await this.#apply(each)
      this.#failing.clear()
      if (ending === 'close') {
        root.stopped = true
        await this.#watch('the close', this.#system.close())
      } else {
        await this.#rest(60)
        this.#check()
        void this.#watch('the last stop', Supervisor.stop(root.ref))
      }
      await this.#rest(20)
    }
    if (this.#open.size > 0) this.problems.push(`never settles: ${[...this.#open].join(', ')}`)
    if (this.#workers.size > 0)
      this.problems.push(`orphans: ${[...this.#workers.values()].map(({ id }) => id).join(', ')}`)
    if (this.#gaveUp > 1) this.problems.push('it gave up more than once')
    if (this.#clock.getPendingTimerCount() > 0) this.problems.push('a timer is left')
    await this.#system.close()
  }

  async #rest(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) await this.#clock.advance(50)
  }

  /** Notes that a promise settles; never rejects. */
  #watch(what: string, promise: Promise<unknown>): Promise<unknown> {
    const name = `${what} (${++this.#asked})`
    this.#open.add(name)
    return promise.then(
      (value) => {
        this.#open.delete(name)
        return value
      },
      () => {
        this.#open.delete(name)
        return undefined
      },
    )
  }

  /** Returns whether it, or a supervisor above it, is stopping. */
  #isOver(scope: Scope): boolean {
    return this.#system.closed || scope.stopped
  }

  #scope(plan: TreePlan, path: string): Scope {
    const scope: Scope = {
      plan,
      path,
      ref: undefined,
      stopped: false,
      requests: [],
      ended: new Set(),
      startedAs: new Map(),
      living: new Map(),
      crashes: [],
      troubles: 0,
      starting: 0,
      failing: 0,
      stopping: 0,
    }
    this.#scopes.push(scope)
    return scope
  }

  #options(scope: Scope): SupervisorOptions {
    const { strategy, maxRestarts, withinMs, autoShutdown, first, children } = scope.plan
    const options = { system: this.#system, strategy, autoShutdown, restartIntensity: { maxRestarts, withinMs } }
    if (strategy !== 'simple_one_for_one') {
      return {
        ...options,
        children: children.slice(0, first).map((plan, index) => this.#spec(scope, plan, letters[index] as string)),
      }
    }
    const one = children[0] as ChildPlan
    const template = { ...one, tree: undefined, shutdownTimeout: one.shutdownTimeout ?? 25 }
    const { id: _, start: __, ...policy } = this.#spec(scope, template, 'a')
    return {
      ...options,
      childTemplate: { ...policy, start: ((id: string) => this.#start(scope, template, id)) as () => never },
    }
  }

  #spec(scope: Scope, plan: ChildPlan, id: string): ChildSpec {
    const { restart, shutdownTimeout, startTimeout, backoffMs, significant } = plan
    return {
      id,
      restart,
      ...(shutdownTimeout !== undefined && { shutdownTimeout }),
      ...(startTimeout !== undefined && { startTimeout }),
      ...(backoffMs > 0 && { backoff: { initialMs: backoffMs, maxMs: 40, jitter: 0 } }),
      significant: significant && restart !== 'permanent' && scope.plan.autoShutdown !== 'never',
      start: () => this.#start(scope, plan, id) as Promise<GenServerRef>,
    }
  }

  #start(scope: Scope, plan: ChildPlan, id: string): Promise<unknown> {
    const path = `${scope.path}.${id}`
    if (scope.living.has(id) && plan.startTimeout === undefined && !this.#isOver(scope)) {
      this.problems.push(`${path} is started while its last process lives`)
    }
    const failures = this.#failing.get(path) ?? 0
    const fails = failures > 0
    if (fails) {
      this.#failing.set(path, failures - 1)
      scope.troubles++
      if (plan.throwsAtOnce) throw new Error('start failed')
    }
    scope.starting++
    if (fails) scope.failing++
    const order = ++this.#starts
    const begin = async (): Promise<unknown> => {
      if (plan.startMs > 0) {
        await this.#clock.sleep(plan.startMs)
        if (plan.startTimeout !== undefined && plan.startMs > plan.startTimeout) scope.troubles++
      }
      if (fails) throw new Error('start failed')
      if (plan.tree !== undefined) {
        const below = this.#scope(plan.tree, path)
        // One that gives up, or cannot start, is a crash to the one above.
        scope.troubles++
        below.ref = await Supervisor.start(this.#options(below))
        scope.startedAs.set(id, order)
        this.#last.set(below.ref.id, { scope, id, plan })
        return below.ref
      }
      const ref = await GenServer.start(this.#behavior(scope, plan), { system: this.#system })
      this.#last.set(ref.id, { scope, id, plan })
      // The close of the system may end it before its start is heard of, and reports that once.
      if (GenServer.isRunning(ref)) {
        this.#workers.set(ref.id, { scope, id })
        scope.living.set(id, ref.id)
      }
      scope.startedAs.set(id, order)
      return ref
    }
    return begin().finally(() => {
      scope.starting--
      if (fails) scope.failing--
    })
  }

  #behavior(scope: Scope, plan: ChildPlan): GenServerBehavior<number, unknown, string, number> {
    return {
      init: () => 0,
      handleCall: (_, state) => [state, state],
      handleCast: async (message, state) => {
        if (message === 'crash') throw new Error('crash')
        if (message === 'busy') await this.#clock.sleep(7)
        if (message === 'hang') await new Promise(() => {})
        return message === 'end' ? GenServer.stopWith(state) : state
      },
      terminate: (reason) => {
        // Only when it is asked to stop: nobody waits in vain for the end of one that crashed, as in OTP.
        if (plan.deaf && reason === 'shutdown') return new Promise(() => {})
        if (plan.stopMs === 0) return undefined
        scope.stopping++
        return this.#clock.sleep(plan.stopMs).then(() => void scope.stopping--)
      },
    }
  }

  #phase(scope: Scope): string {
    if (scope.stopping > 0) return 'stopping'
    if (scope.failing > 0) return 'failing'
    if (scope.starting > 0) return 'starting'
    const infos = this.#infos(scope)
    return infos.some(({ ref }) => this.#last.get(ref.id)?.plan.tree === undefined && !GenServer.isRunning(ref))
      ? 'waiting'
      : 'idle'
  }

  #infos(scope: Scope): ReturnType<typeof Supervisor.getChildren> {
    try {
      return Supervisor.getChildren(scope.ref as SupervisorRef)
    } catch {
      return []
    }
  }

  #isUp(scope: Scope): boolean {
    return scope.ref !== undefined && Supervisor.isRunning(scope.ref)
  }

  /** Those whose refs are known, the root first; `at` picks a living one if there is any. */
  #pick(at: number): Scope | undefined {
    const known = this.#scopes.filter((scope) => scope.ref !== undefined)
    if (at === 0) return known[0]
    const below = known.slice(1).filter((scope) => this.#isUp(scope))
    return below[at % Math.max(below.length, 1)] ?? known.at(-1)
  }

  async #apply({ kind, at, child, n }: Op): Promise<void> {
    if (kind === 'wait') {
      await this.#clock.advance(n)
      return
    }
    if (kind === 'tick') {
      for (let turn = 0; turn < n; turn++) await undefined
      return
    }
    const scope = this.#pick(at)
    if (scope?.ref === undefined) return
    const isSimple = scope.plan.strategy === 'simple_one_for_one'
    const id = isSimple ? `child_${child + 1}` : (letters[child % scope.plan.children.length] as string)
    if (kind !== 'look') this.#reach.fault(`${kind} while ${this.#phase(scope)} (${scope.plan.strategy})`)
    switch (kind) {
      case 'crash':
      case 'end':
      case 'busy':
      case 'hang': {
        const ref = this.#infos(scope).find((info) => info.id === id)?.ref as Worker | undefined
        if (ref === undefined || this.#last.get(ref.id)?.plan.tree !== undefined || !GenServer.isRunning(ref)) return
        if (kind === 'end') {
          scope.ended.add(id)
          scope.troubles++
        }
        GenServer.cast(ref, kind)
        return
      }
      case 'start':
        if (isSimple) {
          const dynamic = `child_${scope.requests.filter((request) => request.kind === 'start').length + 1}`
          this.#ask(scope, kind, dynamic, Supervisor.startChild(scope.ref, [dynamic]))
        } else {
          const plan = scope.plan.children[letters.indexOf(id)] as ChildPlan
          this.#ask(scope, kind, id, Supervisor.startChild(scope.ref, this.#spec(scope, plan, id)))
        }
        return
      case 'terminate':
        this.#ask(scope, kind, id, Supervisor.terminateChild(scope.ref, id))
        return
      case 'restart':
        this.#ask(scope, kind, id, Supervisor.restartChild(scope.ref, id))
        return
      case 'fail':
        this.#failing.set(`${scope.path}.${id}`, 1 + (n % 3))
        return
      case 'stop':
        scope.stopped = true
        void this.#watch('a stop', Supervisor.stop(scope.ref))
        return
      default:
        this.#look(scope)
    }
  }

  #ask(scope: Scope, kind: Request['kind'], id: string, promise: Promise<unknown>): void {
    const request: Request = { kind, id, outcome: 'open' }
    scope.requests.push(request)
    void this.#watch(
      `${kind} ${scope.path}.${id}`,
      promise.then(
        () => (request.outcome = 'ok'),
        (error: { code?: string; message: string }) => {
          const refused = ['KEELSON_CHILD_NOT_FOUND', 'KEELSON_DUPLICATE_CHILD', 'KEELSON_SUPERVISOR_NOT_FOUND']
          request.outcome = refused.includes(error.code ?? '') ? 'refused' : 'failed'
        },
      ),
    )
  }

  #look(scope: Scope): void {
    if (!this.#isUp(scope)) return
    const infos = this.#infos(scope)
    const ids = infos.map(({ id }) => id)
    const count = Supervisor.countChildren(scope.ref as SupervisorRef)
    if (new Set(ids).size !== ids.length) this.problems.push(`${scope.path} has one child twice: ${ids.join(' ')}`)
    if (count !== ids.length) this.problems.push(`${scope.path} counts ${count} children and has ${ids.join(' ')}`)
  }

  /** Everything has settled, and no start fails any more. */
  #check(): void {
    const listed = new Set<string>()
    const [root] = this.#scopes as [Scope]
    this.#checkScope(root, listed)
    for (const [ref, { scope, id }] of this.#workers) {
      if (!listed.has(ref)) this.problems.push(`${scope.path}.${id} lives and is nobody's`)
    }
  }

  #checkScope(scope: Scope, listed: Set<string>): void {
    const { plan, path } = scope
    if (!this.#isUp(scope)) {
      const significant = plan.autoShutdown !== 'never'
      if (!scope.stopped && !significant && scope.troubles <= plan.maxRestarts) {
        this.problems.push(`${path} has ended, and nobody knows why`)
      }
      this.#reach.fault('a supervisor has ended')
      return
    }
    const most = plan.maxRestarts
    for (const [index, at] of scope.crashes.entries()) {
      const later = scope.crashes[index + most]
      if (later !== undefined && later - at <= plan.withinMs) this.problems.push(`${path} is over its budget, and runs`)
    }
    this.#look(scope)
    const infos = this.#infos(scope)
    for (const { id, ref } of infos) {
      listed.add(ref.id)
      const below = this.#scopes.find((one) => one.ref?.id === ref.id)
      if (below === undefined ? !GenServer.isRunning(ref) : !this.#isUp(below)) {
        this.problems.push(`${path}.${id} is dead for ever (${plan.strategy})`)
      } else if (below !== undefined) {
        this.#checkScope(below, listed)
      }
    }
    this.#checkOrder(
      scope,
      infos.map(({ id }) => id),
    )
  }

  /** Checks the required and the possible children, and the order of their starts. */
  #checkOrder({ plan, path, requests, ended, startedAs }: Scope, ids: string[]): void {
    const planOf = (id: string): ChildPlan =>
      NAMES.test(id) ? (plan.children[0] as ChildPlan) : (plan.children[letters.indexOf(id)] as ChildPlan)
    const mayBeGone = (id: string): boolean => {
      const { restart, tree } = planOf(id)
      return restart === 'temporary' || (restart === 'transient' && (ended.has(id) || tree !== undefined))
    }
    let order = plan.strategy === 'simple_one_for_one' ? [] : letters.slice(0, plan.first)
    for (const { kind, id, outcome } of requests) {
      if (outcome !== 'ok') continue
      if (kind === 'terminate') order = order.filter((one) => one !== id)
      if (kind === 'start') order = [...order.filter((one) => one !== id), id]
    }
    for (const id of order) {
      if (!ids.includes(id) && !mayBeGone(id)) this.problems.push(`${path}.${id} is gone (${planOf(id).restart})`)
    }
    for (const id of ids) if (!order.includes(id)) this.problems.push(`${path}.${id} is there, and should not`)
    const expected = order.filter((id) => ids.includes(id))
    if (ids.join() !== expected.join())
      this.problems.push(`${path} is in the order ${ids.join()}, not ${expected.join()}`)
    if (plan.strategy !== 'one_for_all' && plan.strategy !== 'rest_for_one') return
    const byHand = new Set(requests.filter(({ kind }) => kind === 'restart').map(({ id }) => id))
    for (const [index, id] of ids.entries()) {
      for (const later of ids.slice(index + 1)) {
        if (!byHand.has(id) && (startedAs.get(id) ?? 0) > (startedAs.get(later) ?? 0)) {
          this.problems.push(`${path}.${later} is older than ${id}, on which it depends`)
        }
      }
    }
  }
}
