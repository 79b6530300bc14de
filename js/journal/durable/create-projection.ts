import { lazy } from '../../internal/lazy.ts'
import type * as ProjectionModule from './projection.ts'
import type { Projection, ProjectionOptions } from './projection.ts'

const projections = lazy(() => require('./projection.ts') as typeof ProjectionModule)

/**
 * Starts a projection. Resolves when its saved state is read; `whenCaughtUp()` tells when it is up to date. Rejects with
 * JournalNameInUseError when one of that name runs already in this program.
 *
 * @throws InvalidArgumentError naming the option that is refused; of an upcaster that is missing, too.
 * @example
 * ```ts
 * const totals = await createProjection({
 *   journal,
 *   name: 'totals',
 *   init: () => 0,
 *   apply: { paid: (total: number, event: { amount: number }) => total + event.amount },
 * })
 * await totals.whenCaughtUp()
 * console.log(totals.state)
 * ```
 */
export async function createProjection<S, T = unknown>(options: ProjectionOptions<S, T>): Promise<Projection<S, T>> {
  return projections().startProjection(options)
}
