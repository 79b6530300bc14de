import { tellOwner } from '../internal/report-error.ts'
import type { CacheSettings } from './options.ts'
import type { CacheKey } from './types.ts'

export type Loader = (key: CacheKey) => unknown

/** Hands the failure of a load that nobody waits for to its owner. */
export function reportLoad(
  error: unknown,
  key: CacheKey,
  id: string,
  { onLoadError, system }: Pick<CacheSettings, 'onLoadError' | 'system'>,
): void {
  const origin = `a load of ${id}`
  if (onLoadError === undefined) system.report(error, origin)
  else tellOwner((failed) => void onLoadError(failed, key), error, origin)
}
