import type { AuditJournal } from '../../system/audit.ts'
import type { System } from '../../system/system.ts'
import type { GenServerRef, TerminateReason } from '../gen-server/types.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- children whose types nobody has written down
type AnyChildren = any

/**
 * Refers to a supervisor. Keep it, pass it on, compare its `id`; nothing else of it is yours to use. `Children` has the
 * types of the refs of its first children, by id; `Start` is the type of its template's start function.
 */
export interface SupervisorRef<Children = AnyChildren, Start = AnyChildren> {
  /** The id of the supervisor's process. */
  readonly id: string
  /** The node it lives on. Absent for this one. */
  readonly nodeId?: string
  /**
   * Resolves with the reason once the supervisor and all its children have ended. Rejects with the error when it gave
   * up or was killed. It is never an unhandled rejection: you may leave it alone.
   */
  readonly terminated: Promise<TerminateReason>
  /** Exists for the compiler alone, never at run time: a supervisor takes no messages. */
  readonly __types?: 'supervisor'
  /** Exists for the compiler alone, never at run time: the refs of its children, by id. */
  readonly __children?: Children
  /** Exists for the compiler alone, never at run time: the start function of its template. */
  readonly __start?: Start
}

/** The refs of children, by id, from the type of their specifications; anything where ids are no literals. */
export type ChildrenOf<Specs extends readonly ChildSpec[]> = string extends Specs[number]['id']
  ? AnyChildren
  : { readonly [Spec in Specs[number] as Spec['id']]: Awaited<ReturnType<Spec['start']>> }

/** Accepts a supervisor whose children have types, and no other. */
export type TypedSupervisorRef<Children> = SupervisorRef<Children> & (0 extends 1 & Children ? never : unknown)

/** A start function of a template, of whichever arguments. */
export type TemplateStart = (...args: never[]) => ChildRef | PromiseLike<ChildRef>

/** Accepts a supervisor whose template has types, and no other. */
export type TypedTemplateRef<Start> = SupervisorRef<AnyChildren, Start> & (0 extends 1 & Start ? never : unknown)

/** Accepts a supervisor whose template has no types, and no other. */
export type UntypedTemplateRef<Start> = SupervisorRef<AnyChildren, Start> & (0 extends 1 & Start ? unknown : never)

/** The arguments of `startChild`: those of a template's start function. One whose type is not written down is anything. */
export type StartArguments<Start extends TemplateStart> = LooseArguments<Parameters<Start>>

type LooseArguments<Args extends unknown[]> = {
  readonly [Place in keyof Args]: [Args[Place]] extends [never] ? AnyChildren : Args[Place]
}

/**
 * The ends after which a child restarts: every end (`'permanent'`), every end but `normal` and `shutdown`
 * (`'transient'`), or none (`'temporary'`).
 */
export type ChildRestartStrategy = 'permanent' | 'transient' | 'temporary'

/**
 * The children that restart with one: none other, all, or those that started after it. With `simple_one_for_one`, all
 * children come from one template, restart alone, and stop all at once.
 */
export type SupervisorStrategy = 'one_for_one' | 'one_for_all' | 'rest_for_one' | 'simple_one_for_one'

/**
 * Ends a supervisor, with reason `shutdown`, when a significant child ends by itself and does not restart: never
 * (`'never'`, the default), with the first such child (`'any_significant'`), or with the last (`'all_significant'`).
 */
export type AutoShutdown = 'never' | 'any_significant' | 'all_significant'

/**
 * The delays before restarts, in ms: `initialMs * factor ** n`, at most `maxMs`, less a random share. They begin again
 * once a child has run for `maxMs`.
 */
export interface RestartBackoff {
  /** The first delay. */
  readonly initialMs: number
  /** The longest delay. */
  readonly maxMs: number
  /** The factor from each delay to the next, from 1. Default 2. */
  readonly factor?: number
  /** The share of a delay that chance may take away, from 0 to 1. Default 0.5. */
  readonly jitter?: number
}

/** A ref that a start function may return. */
export type ChildRef = GenServerRef<never, never, never, unknown> | GenServerRef | SupervisorRef

/** The rules by which a child starts, stops and restarts. */
export interface ChildPolicy {
  /** The ends after which it restarts. Default `'permanent'`. */
  readonly restart?: ChildRestartStrategy
  /**
   * The longest time it may take to stop, in ms, before it is killed: `Infinity` for no limit, `'brutal_kill'` to kill
   * it at once. Default 5000, and `Infinity` for a supervisor.
   */
  readonly shutdownTimeout?: number | 'brutal_kill'
  /** Lets its end end the supervisor; see {@link AutoShutdown}. Not allowed for permanent children. Default false. */
  readonly significant?: boolean
  /**
   * The longest time a start may take, in ms; a process that comes later is killed. Default `Infinity`: while a child
   * starts, its supervisor can only be stopped.
   */
  readonly startTimeout?: number
  /** The delays before its restarts. Default: those of the supervisor, or none. */
  readonly backoff?: RestartBackoff
}

/** The specification of a child. `Ref` is the type that its start function returns. */
export interface ChildSpec<Ref extends ChildRef = ChildRef> extends ChildPolicy {
  /** Its id among the children of its supervisor. */
  readonly id: string
  /** Starts the process: `() => GenServer.start(behavior)`, or `() => Supervisor.start(options)`. */
  readonly start: () => Ref | PromiseLike<Ref>
}

/** The template of the children of a `simple_one_for_one` supervisor. */
export interface ChildTemplate<Args extends unknown[] = never[], Ref extends ChildRef = ChildRef> extends ChildPolicy {
  /** Starts a child with the arguments of `startChild`; a restart uses the same ones. */
  readonly start: (...args: Args) => Ref | PromiseLike<Ref>
}

/** A {@link ChildTemplate} by the type of its start function. */
export interface TypedChildTemplate<Start extends TemplateStart> extends ChildPolicy {
  /** Starts a child with the arguments of `startChild`; a restart uses the same ones. */
  readonly start: Start
}

/** The number of restarts within a time after which a supervisor gives up. */
export interface RestartIntensity {
  /** The number of restarts that are allowed. Default 3. */
  readonly maxRestarts?: number
  /** The length of the window in which they are counted, in ms. Default 5000. */
  readonly withinMs?: number
  /** Counts the restarts of all children together (`'supervisor'`, the default), or those of each child. */
  readonly scope?: 'supervisor' | 'child'
}

/** Options of `Supervisor.start`. */
export interface SupervisorOptions<
  Specs extends readonly ChildSpec[] = readonly ChildSpec[],
  Start extends TemplateStart = TemplateStart,
> {
  /** The children that restart with one that crashed. Default `'one_for_one'`. */
  readonly strategy?: SupervisorStrategy
  /** The children, which start in this order. Must be left out for `simple_one_for_one`. */
  readonly children?: Specs
  /** The template of children, required for `simple_one_for_one` and only allowed there. */
  readonly childTemplate?: TypedChildTemplate<Start>
  /** The number of restarts after which the supervisor gives up. Default: 3 within 5000 ms. */
  readonly restartIntensity?: RestartIntensity
  /** The name of the supervisor, which it has before its children start. */
  readonly name?: string
  /** Ends the supervisor with its significant children. Default `'never'`. */
  readonly autoShutdown?: AutoShutdown
  /** The delays before restarts, for children that have none of their own. Default: none. */
  readonly backoff?: RestartBackoff
  /**
   * Writes the lifecycle events of the supervisor and of its children to a journal, as plain data: `supervisor:started`,
   * `supervisor:crashed`, `supervisor:restarted`, `supervisor:terminated`. A journal that fails stops nobody.
   */
  readonly journal?: AuditJournal
  /** The system that the supervisor belongs to. Default: the default system of this environment. */
  readonly system?: System
}

/** A child and its present process. `Ref` is the type of its ref, as far as the caller knows. */
export interface ChildInfo<Ref = GenServerRef> {
  /** Its id among the children of its supervisor. */
  readonly id: string
  /** Its present process; while it restarts, the last one. */
  readonly ref: Ref
  /** The specification as it was passed. */
  readonly spec: ChildSpec
  /** The number of restarts. */
  readonly restartCount: number
}
