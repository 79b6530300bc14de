import { finite, isList, known, options as checkOptions } from '../internal/validate.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { nativeEngineSelect } from '../native.ts'
import type { System } from '../system/system.ts'
import type { Gate } from './gate.ts'
import { routeName } from './routes.ts'

/** How {@link Atrion.selectRoute} chooses. */
export interface SelectOptions {
  /** How decidedly the lower resistance is preferred: the odds fall by e for each `baseResistance / beta` ohms. Default 1; 0 is blind. */
  readonly beta?: number | undefined
  /** Share of the draws that go to any route, closed ones too, so that a closed one is heard of again. Default 0.01. */
  readonly explore?: number | undefined
}

const UNKNOWN = -1
const MOST = 10_000

/** Checks, draws, and lets the core choose. */
export function chooseRoute(
  gate: Gate,
  system: System,
  ids: readonly string[],
  options: SelectOptions | undefined,
): string | undefined {
  if (!isList(ids) || ids.length > MOST) {
    throw new InvalidArgumentError('ids', `an array of at most ${MOST} routes`, ids)
  }
  const given = checkOptions('options', options)
  known('options', given, ['beta', 'explore'])
  const beta = within('options.beta', 1, 1e6, given.beta)
  const explore = within('options.explore', 0.01, 1, given.explore)
  const routes = ids.map((id, index) => gate.routes.find(routeName(`ids[${index}]`, id)) ?? UNKNOWN)
  const chosen = nativeEngineSelect(gate.engine, routes, beta, explore, system.random.next(), gate.clock.monoMs())
  return ids[chosen]
}

function within(field: string, fallback: number, most: number, value: unknown): number {
  if (value === undefined) return fallback
  const number = finite(field, value)
  if (number >= 0 && number <= most) return number
  throw new InvalidArgumentError(field, `a number from 0 to ${most}`, value)
}
