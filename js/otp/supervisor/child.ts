import { CrashReports } from '../../actor/crash-reports.ts'
import type { Placement } from '../../actor/process.ts'
import type { System } from '../../system/system.ts'
import type { LocalRef } from '../gen-server/local-ref.ts'
import { PendingStart } from '../gen-server/pending-starts.ts'
import type { GenServerProcess } from '../gen-server/process.ts'
import type { CheckedChild, CheckedPolicy } from './options.ts'
import type { ChildInfo, ChildSpec } from './types.ts'

/** A child of a supervisor: its specification and its present process. */
export class Child implements Placement {
  /** The core's number of it. */
  readonly number: number
  readonly id: string
  /** The id of the supervisor. */
  readonly supervisorId: string
  /** The specification as the user passed it, for `getChildren`. */
  readonly spec: ChildSpec
  readonly policy: CheckedPolicy
  /** The arguments of its start function. */
  readonly #args: readonly unknown[]
  /** Its present process; while it restarts, the last one. */
  server: GenServerProcess | undefined
  restartCount = 0
  crashCount = 0
  /** The name of its process, or of the last one. */
  name: string | undefined
  #crashes: CrashReports | undefined
  /** The error of its last start, if that failed. */
  startError: Error | undefined

  constructor(supervisorId: string, number: number, { id, spec, policy }: CheckedChild, args: readonly unknown[] = []) {
    this.supervisorId = supervisorId
    this.number = number
    this.id = id
    this.spec = spec
    this.policy = policy
    this.#args = args
  }

  get childId(): string {
    return this.id
  }

  /** Returns the reports of its crashes, over all its processes. */
  crashesIn({ clock, crashReports }: System): CrashReports {
    this.#crashes ??= new CrashReports(clock, crashReports)
    return this.#crashes
  }

  /** Ends the reports: the child is gone, or its supervisor is. */
  endReports(): void {
    this.#crashes?.end()
  }

  start(): unknown {
    return Reflect.apply(this.policy.start, this.spec, this.#args)
  }

  get info(): ChildInfo | undefined {
    const { server, id, spec, restartCount } = this
    return server === undefined ? undefined : { id, ref: server.ref, spec, restartCount }
  }
}

/** Returns the fields of an event that name a child. */
export function childFields(
  child: Child,
  { ref }: GenServerProcess,
): { ref: LocalRef; name?: string; childId: string } {
  const { id: childId, name } = child
  return name === undefined ? { ref, childId } : { ref, name, childId }
}

/** One call of a start function. */
export class StartAttempt extends PendingStart {
  readonly child: Child
  /** Supervisors that were started in it. They stop with it until they have started. */
  readonly nested: GenServerProcess[] = []

  constructor(child: Child, system: System) {
    super(system)
    this.child = child
  }
}

let current: StartAttempt | undefined

/** Returns the call of a start function that is on the stack, if there is one. */
export const currentStartAttempt = (): StartAttempt | undefined => current

/** Calls a start function. */
export function runStartAttempt(attempt: StartAttempt): unknown {
  const outer = current
  current = attempt
  try {
    return attempt.child.start()
  } finally {
    current = outer
  }
}

/** Numbers the names of children: a name keeps its number while a child or a request uses it. */
export class ChildNames {
  readonly #numbers = new Map<string, { readonly number: number; uses: number }>()

  find(id: string): number | undefined {
    return this.#numbers.get(id)?.number
  }

  /** Returns the number of a name, or a fresh one, and counts a use of it. */
  use(id: string, fresh: () => number): number {
    let name = this.#numbers.get(id)
    if (name === undefined) this.#numbers.set(id, (name = { number: fresh(), uses: 0 }))
    name.uses++
    return name.number
  }

  release(id: string): void {
    const name = this.#numbers.get(id)
    if (name !== undefined && --name.uses === 0) this.#numbers.delete(id)
  }
}
