import { isCode } from '../../errors/base.ts'
import { KeelsonError } from '../../errors/errors.ts'

/** A reader of events was too slow, and had asked to lose none: its subscription has ended. */
export class BusOverflowError extends KeelsonError {
  static readonly code = 'KEELSON_BUS_OVERFLOW'
  readonly code = 'KEELSON_BUS_OVERFLOW'
  /** Which bus. */
  readonly busId: string
  /** What was subscribed to. */
  readonly pattern: string
  /** How many messages could wait. */
  readonly highWaterMark: number
  constructor(busId: string, pattern: string, highWaterMark: number) {
    super(`A reader of ${brief(pattern)} on the bus '${busId}' is too slow: ${highWaterMark} messages wait`)
    this.busId = busId
    this.pattern = pattern
    this.highWaterMark = highWaterMark
  }
}

/** A pattern as messages show it. */
export const brief = (pattern: string): string =>
  JSON.stringify(pattern.length > 60 ? `${pattern.slice(0, 60)}…` : pattern)

/** Guard for {@link BusOverflowError}. */
export const isBusOverflowError: (error: unknown) => error is BusOverflowError = isCode(BusOverflowError.code)
