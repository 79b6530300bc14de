import { InvalidArgumentError } from '../errors/errors.ts'
import { finite, flag, known, options as checkOptions, positiveMillis, text } from '../internal/validate.ts'
import { native, type NativeProfile } from '../native.ts'

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
  /** Learns normal latency, within a factor of eight of `baselineLatencyMs` where there is one. */
  readonly learnedBaseline?: boolean | undefined
  /** Error rate at which error pressure is zero, 0 to 1. */
  readonly targetErrorRate?: number | undefined
  /** Saturation at which saturation pressure is zero. */
  readonly saturationBaseline?: number | undefined
  /** The growth of scar per `minDeltaT` of critical pressure, in ohms. Lower is more forgiving. */
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
  /** The interval of the heartbeats that a task must send, in ms; 0 is none. HEAVY 5 s, EXTREME 10 s, others none. */
  readonly heartbeatMs?: number | undefined
  /** True if a task needs an `AbortController`. HEAVY and EXTREME do. */
  readonly requireAbort?: boolean | undefined
}

/** The time limits of a kind of work. The core keeps them with the rest of a profile. */
export interface Budget {
  /** Longest time of admitted work, or of a task without progress, in ms. */
  readonly maxDurationMs: number
  /** The interval of the heartbeats that a task must send, in ms; 0 is none. */
  readonly heartbeatMs: number
  /** True if a task needs an `AbortController`. */
  readonly requireAbort: boolean
}

/** A profile: its number in the core, and its time limits. */
export interface NamedProfile {
  readonly name: string
  readonly index: number
  readonly budget: Budget
}

const NUMBERS = [
  'baselineLatencyMs',
  'targetErrorRate',
  'saturationBaseline',
  'scarFactor',
  'scarMultiplier',
  'baseResistance',
  'breakMultiplier',
] as const
const NAMES = ['extends', 'learnedBaseline', 'maxDurationMs', 'heartbeatMs', 'requireAbort', ...NUMBERS]
/** The profile of routes without one of their own. */
const STANDARD = 'STANDARD'
const MAX_NAME = 64

/** The profiles of one engine, by name, and those of routes. The core keeps them, and returns their time limits. */
export class Profiles {
  readonly #engine: number
  readonly #named = new Map<string, NamedProfile>()
  /** As many as the core keeps; it refuses more. */
  readonly #routes = new Map<string, NamedProfile>()

  constructor(engine: number) {
    this.#engine = engine
    for (const [index, { name, budget }] of native.workloads().entries()) this.#named.set(name, { name, index, budget })
  }

  /** Returns the profile of this name. Throws InvalidArgumentError where there is none. */
  named(field: string, name: unknown): NamedProfile {
    const profile = typeof name === 'string' ? this.#named.get(name) : undefined
    if (profile !== undefined) return profile
    throw new InvalidArgumentError(field, `one of ${[...this.#named.keys()].join(', ')}`, name)
  }

  /** Returns the profile of a route. */
  of(route: string): NamedProfile {
    return this.#routes.get(route) ?? (this.#named.get(STANDARD) as NamedProfile)
  }

  /**
   * Returns how long work may take by a named profile, else by the one that the route was assigned; `undefined` where
   * there is neither.
   */
  timeoutOf(route: string, profile: string | undefined): number | undefined {
    if (profile === undefined) return this.assignedTimeout(route)
    return this.named('options.profile', profile).budget.maxDurationMs
  }

  /** Returns how long work may take by the profile that a route was assigned, if it was. */
  assignedTimeout(route: string): number | undefined {
    return this.#routes.size === 0 ? undefined : this.#routes.get(route)?.budget.maxDurationMs
  }

  define(name: string, profile: WorkloadProfile): void {
    if (text('name', name).length > MAX_NAME || this.#named.has(name)) {
      throw new InvalidArgumentError('name', `a name of at most ${MAX_NAME} characters that is not taken`, name)
    }
    const { index, budget, field, why } = native.engineDefine(this.#engine, this.#checked('profile', profile))
    if (budget === undefined) throw refusal('profile', profile, field, why, 'one of at most 252 profiles')
    this.#named.set(name, { name, index, budget })
  }

  assign(route: string, profile: string | WorkloadProfile): void {
    const named = typeof profile === 'string' ? this.named('profile', profile) : undefined
    const spec = named === undefined ? this.#checked('profile', profile as WorkloadProfile) : { base: named.index }
    const { index, budget, field, why } = native.engineProfile(this.#engine, route, spec)
    if (budget === undefined) throw refusal('profile', profile, field, why, 'given to at most maxRoutes routes')
    if (named?.name === STANDARD) this.#routes.delete(route)
    else this.#routes.set(route, { name: named?.name ?? 'custom', index, budget })
  }

  /** Checks the types of a profile's fields. The core checks their ranges, and takes the others from the base. */
  #checked(field: string, value: WorkloadProfile): NativeProfile {
    const profile = checkOptions(field, value)
    if (value === undefined) throw new InvalidArgumentError(field, 'a profile or the name of one', value)
    known(field, profile, NAMES)
    const spec: NativeProfile = { base: this.named(`${field}.extends`, profile.extends ?? STANDARD).index }
    for (const name of NUMBERS) {
      const number = profile[name]
      if (number !== undefined) spec[name] = finite(`${field}.${name}`, number)
    }
    const { learnedBaseline, maxDurationMs, heartbeatMs, requireAbort } = profile
    if (learnedBaseline !== undefined) spec.learnedBaseline = flag(`${field}.learnedBaseline`, false, learnedBaseline)
    if (maxDurationMs !== undefined) spec.maxDurationMs = positiveMillis(`${field}.maxDurationMs`, maxDurationMs)
    if (heartbeatMs !== undefined) spec.heartbeatMs = interval(`${field}.heartbeatMs`, heartbeatMs)
    if (requireAbort !== undefined) spec.requireAbort = flag(`${field}.requireAbort`, false, requireAbort)
    return spec
  }
}

/** Returns a checked interval in milliseconds; 0 is none. */
export function interval(field: string, value: unknown): number {
  return value === 0 ? 0 : positiveMillis(field, value)
}

function refusal(
  field: string,
  profile: unknown,
  inner: string | undefined,
  why: string | undefined,
  full: string,
): InvalidArgumentError {
  if (inner === undefined) return new InvalidArgumentError(field, full, profile)
  // The core names the baselines of signals by their place in the options of an engine.
  const plain = inner.replace(/^slo\./, '')
  const values = profile as Record<string, unknown>
  const name = plain === 'scarFactor' && values[plain] === undefined ? 'scarMultiplier' : plain
  const value = values[name]
  return new InvalidArgumentError(`${field}.${name}`, (why ?? 'valid').replace(/^must be /, ''), value)
}
