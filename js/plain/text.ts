/** Plain data as text and back. What stores and shares nothing does not load the code of it. */
import { lazy } from '../internal/lazy.ts'
import type * as PlainModule from './plain.ts'

const plain = lazy(() => require('./plain.ts') as typeof PlainModule)

/** As `encodePlain` of `encode.ts`. */
export const encodePlain: typeof PlainModule.encodePlain = (field, value) => plain().encodePlain(field, value)

/** As `encodePlainEach` of `encode.ts`. */
export const encodePlainEach: typeof PlainModule.encodePlainEach = (field, values) =>
  plain().encodePlainEach(field, values)

/** As `revivePlain` of `decode.ts`. */
export const revivePlain: typeof PlainModule.revivePlain = (parsed) => plain().revivePlain(parsed)
