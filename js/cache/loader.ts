import { tellOwner } from '../internal/report-error.ts'
import type { CacheSettings } from './options.ts'
import type { CacheKey, CacheLoadContext } from './types.ts'

/** A user function that loads the value of a key, directly or by a promise. */
export type Loader = (context: CacheLoadContext) => unknown

/** The part of a load that its loader sees. */
interface LoaderView {
  readonly key: CacheKey
  readonly signal: AbortSignal
}

/** The argument of a loader. Its signal is created at first use, because it costs more than a lookup. */
export class LoadContext implements CacheLoadContext {
  readonly #load: LoaderView
  constructor(load: LoaderView) {
    this.#load = load
  }
  get key(): CacheKey {
    return this.#load.key
  }
  get signal(): AbortSignal {
    return this.#load.signal
  }
}

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
