import { known, options as checkOptions } from '../internal/validate.ts'
import type { ChangeOptions } from './types.ts'

/** Refuses options of a change that do not exist, before anything has run. */
export function checkChange(options: ChangeOptions): void {
  known('options', checkOptions('options', options), ['cause'])
}
