import { InvalidArgumentError } from '../errors/errors.ts'
import { finite, isList, known, options as checkOptions } from '../internal/validate.ts'
import { native } from '../native.ts'
import { NONE } from '../protocol/lane.ts'
import type { System } from '../system/system.ts'
import type { Gate } from './gate.ts'
import { routeName } from './routes.ts'

/** Options of {@link Atrion.selectRoute}. */
export interface SelectOptions {
  /**
   * The preference for a lower resistance: the odds fall by e for each `baseResistance / beta` ohms. 0 ignores
   * it. Default 1.
   */
  readonly beta?: number | undefined
  /** Share of the draws that take any route, closed ones too, so that a closed one gets reports again. Default 0.01. */
  readonly explore?: number | undefined
}

const MAX_ROUTES = 10_000

/** Checks the arguments, draws from the system's random source, and lets the core choose. */
export function chooseRoute(
  gate: Gate,
  system: System,
  ids: readonly string[],
  options: SelectOptions | undefined,
): string | undefined {
  if (!isList(ids) || ids.length > MAX_ROUTES) {
    throw new InvalidArgumentError('ids', `an array of at most ${MAX_ROUTES} routes`, ids)
  }
  const opts = checkOptions('options', options)
  known('options', opts, ['beta', 'explore'])
  const beta = within('options.beta', 1, 1e6, opts.beta)
  const explore = within('options.explore', 0.01, 1, opts.explore)
  const routes = ids.map((id, index) => gate.routes.find(routeName(`ids[${index}]`, id)) ?? NONE)
  const chosen = native.engineSelect(gate.engine, routes, beta, explore, system.random.next(), gate.clock.monoMs())
  return ids[chosen]
}

function within(field: string, fallback: number, most: number, value: unknown): number {
  if (value === undefined) return fallback
  const number = finite(field, value)
  if (number >= 0 && number <= most) return number
  throw new InvalidArgumentError(field, `a number from 0 to ${most}`, value)
}
