import { InvalidArgumentError } from '../errors/errors.ts'
import { isList } from '../internal/validate.ts'
import { native } from '../native.ts'
import { routeName } from './routes.ts'

/** Most neighbours of a route, which bounds the cost of opening one. */
const MAX_NEIGHBOURS = 64

/** Checks and sets the neighbours of a route, whose R rises when it opens. */
export function linkNeighbours(engine: number, id: string, neighbours: unknown): void {
  if (!isList(neighbours) || neighbours.length > MAX_NEIGHBOURS) {
    throw new InvalidArgumentError('neighbours', `an array of at most ${MAX_NEIGHBOURS} routes`, neighbours)
  }
  const names = neighbours.map((name, index) => {
    if (name === id) throw new InvalidArgumentError(`neighbours[${index}]`, 'another route', name)
    return routeName(`neighbours[${index}]`, name)
  })
  if (native.engineNeighbours(engine, id, names)) return
  throw new InvalidArgumentError('neighbours', 'set for at most maxRoutes routes', neighbours)
}
