/** Errors of `observe()`. */
import { isCode, KeelsonError } from '../errors/base.ts'

/**
 * The reason why `observe()` cannot listen: `living` is a socket of a process that runs, `in-use` a port of another
 * program, `no-socket` a file that is no socket, `not-private` a folder that others can write to, `unsupported` a
 * platform without unix sockets, `refused` any other refusal of the operating system.
 */
export type ObserveAddressReason = 'living' | 'in-use' | 'no-socket' | 'not-private' | 'unsupported' | 'refused'

/** `observe()` cannot listen at an address. Nothing was opened. */
export class ObserveAddressError extends KeelsonError {
  static readonly code = 'KEELSON_OBSERVE_ADDRESS'
  readonly code = 'KEELSON_OBSERVE_ADDRESS'
  /** The option: `options.socket` or `options.http`. */
  readonly field: string
  /** The path of the socket, or host and port. */
  readonly address: string
  /** The reason. */
  readonly reason: ObserveAddressReason
  constructor(field: string, address: string, reason: ObserveAddressReason, message: string) {
    const texts: Record<ObserveAddressReason, string> = {
      living: 'a process that runs listens there: close that one, or choose another path',
      'in-use': 'another program listens there: choose another port',
      'no-socket': 'a file that is no socket stands there: choose another path',
      'not-private': 'others than its user can change the folder: make it with mode 0700',
      unsupported: 'the platform has no unix sockets: use http',
      refused: message,
    }
    super(`${field}: cannot listen at ${address}: ${texts[reason]}`)
    this.field = field
    this.address = address
    this.reason = reason
  }
}

/** Returns whether a value is an {@link ObserveAddressError}, of any copy of the package. */
export const isObserveAddressError: (error: unknown) => error is ObserveAddressError = isCode(ObserveAddressError.code)
