import { InvalidArgumentError } from '../errors/errors.ts'
import { finite, flag, known, options as checkOptions, positiveMillis, text } from '../internal/validate.ts'
import { native, type NativeProfile } from '../native.ts'
import { OWN_PROFILE } from '../protocol/admission.ts'

/** The names of the predefined profiles. STANDARD is the configuration of the Atrion itself. */
export type WorkloadName = 'LIGHT' | 'STANDARD' | 'HEAVY' | 'EXTREME'

/** Levels that are normal for a kind of work. A field that is left out is as in the profile named by `extends`. */
export interface WorkloadProfile {
  /** The profile to take the other fields from: one of the four or one that you defined. Default `'STANDARD'`. */
  readonly extends?: string | undefined
  /**
   * Latency at which latency pressure is zero, milliseconds. LIGHT 10, STANDARD as `slo` says (learned), HEAVY 5 s,
   * EXTREME 60 s.
   */
  readonly baselineLatencyMs?: number | undefined
  /** Whether normal latency is learned, within a factor of eight of `baselineLatencyMs` where there is one. */
  readonly learnedBaseline?: boolean | undefined
  /** Error rate at which error pressure is zero, 0 to 1. */
  readonly targetErrorRate?: number | undefined
  /** Saturation at which saturation pressure is zero. */
  readonly saturationBaseline?: number | undefined
  /** How much scar grows per `minDeltaT` of critical pressure, in ohms. Lower is more forgiving. */
  readonly scarFactor?: number | undefined
  /**
   * The same in units of the Atrion's `scarFactor`. LIGHT 2, STANDARD 1, HEAVY 0.5, EXTREME 0.2. Ignored beside
   * `scarFactor`.
   */
  readonly scarMultiplier?: number | undefined
  /** R at rest, in ohms. */
  readonly baseResistance?: number | undefined
  /** R at which the breaker opens before it is tuned, in units of `baseResistance`. */
  readonly breakMultiplier?: number | undefined
  /**
   * Longest time of a task between heartbeats, or of admitted work, in milliseconds. LIGHT 1 s, STANDARD 30 s, HEAVY
   * 5 min, EXTREME 1 h.
   */
  readonly maxDurationMs?: number | undefined
  /** How often a task must send a heartbeat, in milliseconds; 0 is never. HEAVY 5 s, EXTREME 10 s, others never. */
  readonly heartbeatMs?: number | undefined
  /** Whether a task needs an `AbortController`. HEAVY and EXTREME do. */
  readonly requireAbort?: boolean | undefined
}

/** How long work may take, and what its tasks owe. */
export interface Budget {
  readonly maxDurationMs: number
  readonly heartbeatMs: number
  readonly requireAbort: boolean
}

/** A profile's number in the core, and its budget. */
export interface NamedProfile {
  readonly name: string
  readonly index: number
  readonly budget: Budget
}

const PHYSICS = [
  'baselineLatencyMs',
  'targetErrorRate',
  'saturationBaseline',
  'scarFactor',
  'scarMultiplier',
  'baseResistance',
  'breakMultiplier',
] as const
const ALL = ['extends', 'learnedBaseline', 'maxDurationMs', 'heartbeatMs', 'requireAbort', ...PHYSICS]
/** What a route without a profile of its own has. */
const STANDARD = 'STANDARD'
const MAX_NAME = 64

/** The profiles of one engine, by name, and the budgets of routes that have one of their own. */
export class Profiles {
  readonly #engine: number
  readonly #named = new Map<string, NamedProfile>()
  /** As many as the core keeps; it refuses more. */
  readonly #routes = new Map<string, NamedProfile>()

  constructor(engine: number) {
    this.#engine = engine
    for (const [index, { name, budgetMs, heartbeatMs, abortable }] of native.workloads().entries()) {
      const budget = { maxDurationMs: budgetMs, heartbeatMs, requireAbort: abortable }
      this.#named.set(name, { name, index, budget })
    }
  }

  /** The profile of this name; refuses what is none. */
  named(field: string, name: unknown): NamedProfile {
    const found = typeof name === 'string' ? this.#named.get(name) : undefined
    if (found !== undefined) return found
    throw new InvalidArgumentError(field, `one of ${[...this.#named.keys()].join(', ')}`, name)
  }

  /** What a route has. */
  of(route: string): NamedProfile {
    return this.#routes.get(route) ?? (this.#named.get(STANDARD) as NamedProfile)
  }

  /** Whether a route was given a profile. */
  has(route: string): boolean {
    return this.#routes.has(route)
  }

  define(name: string, profile: WorkloadProfile): void {
    if (text('name', name).length > MAX_NAME || this.#named.has(name)) {
      throw new InvalidArgumentError('name', `a name of at most ${MAX_NAME} characters that is not taken`, name)
    }
    const { spec, budget } = this.#read('profile', profile)
    const { handle, field, why } = native.engineDefine(this.#engine, spec)
    if (handle < 0) throw refusal('profile', profile, field, why, 'one of at most 252 profiles')
    this.#named.set(name, { name, index: handle, budget })
  }

  assign(route: string, given: string | WorkloadProfile): void {
    const named = typeof given === 'string' ? this.named('profile', given) : undefined
    const { spec, budget } =
      named === undefined
        ? this.#read('profile', given as WorkloadProfile)
        : { spec: { base: named.index }, budget: named.budget }
    const { handle, field, why } = native.engineProfile(this.#engine, route, spec)
    if (handle < 0) throw refusal('profile', given, field, why, 'given to at most maxRoutes routes')
    if (named?.name === STANDARD) this.#routes.delete(route)
    else this.#routes.set(route, { name: named?.name ?? 'custom', index: OWN_PROFILE, budget })
  }

  #read(field: string, given: WorkloadProfile): { spec: NativeProfile; budget: Budget } {
    const profile = checkOptions(field, given)
    if (given === undefined) throw new InvalidArgumentError(field, 'a profile or the name of one', given)
    known(field, profile, ALL)
    const base = this.named(`${field}.extends`, profile.extends ?? STANDARD)
    const spec: NativeProfile = { base: base.index }
    for (const name of PHYSICS) {
      const value = profile[name]
      if (value !== undefined) spec[name] = finite(`${field}.${name}`, value)
    }
    if (profile.learnedBaseline !== undefined) {
      spec.learnedBaseline = flag(`${field}.learnedBaseline`, false, profile.learnedBaseline)
    }
    const { maxDurationMs, heartbeatMs, requireAbort } = profile
    return {
      spec,
      budget: {
        maxDurationMs:
          maxDurationMs === undefined
            ? base.budget.maxDurationMs
            : positiveMillis(`${field}.maxDurationMs`, maxDurationMs),
        heartbeatMs:
          heartbeatMs === undefined ? base.budget.heartbeatMs : interval(`${field}.heartbeatMs`, heartbeatMs),
        requireAbort: flag(`${field}.requireAbort`, base.budget.requireAbort, requireAbort),
      },
    }
  }
}

/** An interval in milliseconds; 0 is none. */
export function interval(field: string, value: unknown): number {
  return value === 0 ? 0 : positiveMillis(field, value)
}

function refusal(
  field: string,
  given: unknown,
  inner: string | undefined,
  why: string | undefined,
  full: string,
): InvalidArgumentError {
  if (inner === undefined) return new InvalidArgumentError(field, full, given)
  // The core names fields of the signals' baselines by where they stand in an engine's options.
  const plain = inner.replace(/^slo\./, '')
  const values = given as Record<string, unknown>
  const name = plain === 'scarFactor' && values[plain] === undefined ? 'scarMultiplier' : plain
  const value = values[name]
  return new InvalidArgumentError(`${field}.${name}`, (why ?? 'valid').replace(/^must be /, ''), value)
}
