import { tellOwner } from '../internal/report-error.ts'
import type { CacheSettings } from './options.ts'
import type { CacheKey } from './types.ts'

/** A user function that loads the value of a key, directly or by a promise. */
export type Loader = (key: CacheKey) => unknown

/** Reports the failure of a load that no caller waits for, to `onLoadError` or to the system. */
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
