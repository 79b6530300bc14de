/** Shows what runs to other programs, also while JavaScript is blocked: `observe()`. */
export { isObserveAddressError, ObserveAddressError, type ObserveAddressReason } from './errors.ts'
export { observe } from './observe.ts'
export type { Observation, ObserveAddress, ObserveHttpAddress, ObserveOptions, ObserveStateOptions } from './types.ts'
