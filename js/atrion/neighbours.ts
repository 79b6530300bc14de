import { isList } from '../internal/validate.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { nativeEngineNeighbours } from '../native.ts'
import { routeName } from './routes.ts'

/** Most neighbours a route can have: what opening one costs is bounded. */
const MOST = 64

/** Checks and sets which routes feel it when one opens. */
export function linkNeighbours(engine: number, id: string, neighbours: unknown): void {
  if (!isList(neighbours) || neighbours.length > MOST) {
    throw new InvalidArgumentError('neighbours', `an array of at most ${MOST} routes`, neighbours)
  }
  const names = neighbours.map((name, index) => {
    if (name === id) throw new InvalidArgumentError(`neighbours[${index}]`, 'another route', name)
    return routeName(`neighbours[${index}]`, name)
  })
  if (nativeEngineNeighbours(engine, id, names)) return
  throw new InvalidArgumentError('neighbours', 'set for at most maxRoutes routes', neighbours)
}
