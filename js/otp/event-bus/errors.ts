import { isCode } from '../../errors/base.ts'
import { KeelsonError } from '../../errors/errors.ts'

/** A reader of events was too slow, and had asked to lose no message. Its subscription has ended. */
export class BusOverflowError extends KeelsonError {
  static readonly code = 'KEELSON_BUS_OVERFLOW'
  readonly code = 'KEELSON_BUS_OVERFLOW'
  /** The id of the bus. */
  readonly busId: string
  /** The pattern of the subscription. */
  readonly pattern: string
  /** The number of messages that could wait. */
  readonly highWaterMark: number
  constructor(busId: string, pattern: string, highWaterMark: number) {
    super(`A reader of ${brief(pattern)} on the bus '${busId}' is too slow: ${highWaterMark} messages wait`)
    this.busId = busId
    this.pattern = pattern
    this.highWaterMark = highWaterMark
  }
}

/** Returns a pattern, quoted and cut to 60 characters, for messages. */
export const brief = (pattern: string): string =>
  JSON.stringify(pattern.length > 60 ? `${pattern.slice(0, 60)}…` : pattern)

/** Returns whether a value is a {@link BusOverflowError}, of any copy of the package. */
export const isBusOverflowError: (error: unknown) => error is BusOverflowError = isCode(BusOverflowError.code)
