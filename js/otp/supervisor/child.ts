import { CrashReports } from '../../actor/crash-reports.ts'
import type { System } from '../../system/system.ts'
import { UnderWay } from '../gen-server/pending-starts.ts'
import type { Server } from '../gen-server/process.ts'
import type { Checked, Terms } from './options.ts'
import type { ChildInfo, ChildSpec } from './types.ts'

/** A child of a supervisor: what it is, and its present process. */
export class Child {
  /** What the core calls it. */
  readonly number: number
  readonly id: string
  /** What it was described as, for those who look. */
  readonly spec: ChildSpec
  readonly terms: Terms
  /** With what its start function is called. */
  readonly #args: readonly unknown[]
  /** Its present process; while it is restarted, the last one. */
  server: Server | undefined
  restartCount = 0
  /** What its process is called, or was. */
  name: string | undefined
  #crashes: CrashReports | undefined
  /** Why its last start failed. */
  startError: Error | undefined

  constructor(number: number, { id, spec, terms }: Checked, args: readonly unknown[] = []) {
    this.number = number
    this.id = id
    this.spec = spec
    this.terms = terms
    this.#args = args
  }

  /** Its crashes, over all its processes. */
  crashesIn({ clock, crashReports }: System): CrashReports {
    this.#crashes ??= new CrashReports(clock, crashReports)
    return this.#crashes
  }

  /** It is gone, or its supervisor is. */
  endReports(): void {
    this.#crashes?.end()
  }

  start(): unknown {
    return Reflect.apply(this.terms.start, this.spec, this.#args)
  }

  get info(): ChildInfo | undefined {
    const { server, id, spec, restartCount } = this
    return server === undefined ? undefined : { id, ref: server.ref, spec, restartCount }
  }
}

/** One run of a start function. */
export class Attempt extends UnderWay {
  readonly child: Child
  /** Supervisors that were begun in it. They stop with it before they have started. */
  readonly nested: Server[] = []

  constructor(child: Child, system: System) {
    super(system)
    this.child = child
  }
}

let underWay: Attempt | undefined

/** The start function on the stack, if one is. */
export const attemptUnderWay = (): Attempt | undefined => underWay

/** Runs a start function. */
export function run(attempt: Attempt): unknown {
  const outer = underWay
  underWay = attempt
  try {
    return attempt.child.start()
  } finally {
    underWay = outer
  }
}

/** The numbers of names: a name keeps its number while a child or a request is about it. */
export class ChildNames {
  readonly #numbers = new Map<string, { readonly number: number; uses: number }>()

  find(id: string): number | undefined {
    return this.#numbers.get(id)?.number
  }

  /** Its number; `fresh` if it has none yet. */
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
