import { millis } from '../internal/validate.ts'

declare const millisBrand: unique symbol

/** A number of milliseconds, marked as such. Plain numbers are accepted wherever a duration is. */
export type Millis = number & { readonly [millisBrand]?: 'millis' }

/**
 * Marks a number as milliseconds. Fractions are kept.
 *
 * @throws InvalidArgumentError for NaN, infinities and non-numbers.
 * @example
 * ```ts
 * await clock.sleep(ms(250))
 * ```
 */
export function ms(value: number): Millis {
  return millis('value', value)
}
