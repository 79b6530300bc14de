/** `fetch` under policies: failing responses count as failures, and responses that nobody gets are cancelled. */
import { InvalidArgumentError } from '../errors/errors.ts'
import { ifRejected } from '../internal/thenable.ts'
import {
  abortSignal,
  fieldOf,
  finite,
  isA,
  known,
  optionalCallable,
  options as checkOptions,
} from '../internal/validate.ts'
import type { System } from '../system/system.ts'
import { FailedResponseError } from './errors.ts'
import { type CallMeter, execute, type Layer } from './pipeline/call.ts'
import type { PolicyContext } from './pipeline/types.ts'

/** The first argument of `fetch`. */
export type FetchInput = Parameters<typeof fetch>[0]
/** The second argument of `fetch`. */
export type FetchInit = NonNullable<Parameters<typeof fetch>[1]>

/** Options of `policy.fetch`. */
export interface PolicyFetchOptions {
  /**
   * Returns whether a response is a failure to the policies. Default: a status of 500 or more, or 429, is. What it
   * throws goes to the system's `onError`, and the default decides.
   */
  readonly isFailure?: ((response: Response) => boolean) | undefined
  /** The priority of the call where it waits for a permit of a bulkhead: a finite number. Default: the bulkhead's own. */
  readonly priority?: number | undefined
}

const OPTIONS = ['isFailure', 'priority']

const isFailingStatus = ({ status }: Response): boolean => status >= 500 || status === 429

/** Returns the wait that a response asks for, in ms from 0; `undefined` without a readable `Retry-After`. */
function retryAfterMs(response: Response, wallMs: number): number | undefined {
  const header = response.headers.get('retry-after')
  if (header === null) return undefined
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(at - wallMs, 0)
}

/** Drops the body of a response, so that its connection is free. Ignores a body that was read. */
function cancelBody(response: Response): void {
  try {
    ifRejected(response.body?.cancel(), () => undefined)
  } catch {
    // A body that is being read cannot be cancelled.
  }
}

/** Returns the field whose body can be sent once only, if there is one. */
function streamField(input: FetchInput, init: FetchInit | undefined): string | undefined {
  const body: unknown = fieldOf(init, 'body')
  if (body !== undefined && body !== null) {
    const isStream = isA(body, ReadableStream) || typeof fieldOf(body, Symbol.asyncIterator as never) === 'function'
    return isStream ? 'init.body' : undefined
  }
  return isA(input, Request) && input.body !== null ? 'input' : undefined
}

/** Refuses what `fetch` would refuse only when the policies run it. */
function assertInput(input: unknown): void {
  if (isA(input, Request)) return
  try {
    if (typeof input === 'string' || isA(input, URL)) {
      void new URL(input)
      return
    }
  } catch {
    // Falls through to the refusal.
  }
  throw new InvalidArgumentError('input', 'an absolute URL, or a Request', input)
}

const refuseStream = (field: string): never => {
  const expected =
    field === 'input'
      ? 'a URL with init.body beside it: a Request has a stream, and the policy may send it more than once'
      : 'no stream, as the policy may send it more than once'
  throw new InvalidArgumentError(field, expected, field === 'input' ? 'a Request with a body' : 'a stream')
}

/** One call: the responses that it has received and not handed over. */
class FetchCall {
  readonly #system: System
  readonly #isFailure: (response: Response) => boolean
  readonly #input: FetchInput
  readonly #init: FetchInit | undefined
  readonly #callerSignal: AbortSignal | undefined
  readonly #streamField: string | undefined
  readonly #open = new Set<Response>()
  #runs = 0
  #isOver = false

  constructor(
    system: System,
    isFailure: (response: Response) => boolean,
    input: FetchInput,
    init: FetchInit | undefined,
    callerSignal: AbortSignal | undefined,
  ) {
    this.#system = system
    this.#isFailure = isFailure
    this.#input = input
    this.#init = init
    this.#callerSignal = callerSignal
    this.#streamField = streamField(input, init)
  }

  /** Refuses a body that the layers might send more than once. */
  assertRepeatable(layers: readonly Layer[]): void {
    if (this.#streamField !== undefined && layers.some(({ mayRepeat }) => mayRepeat === true)) {
      refuseStream(this.#streamField)
    }
  }

  /** Sends the request once. */
  async run({ signal }: PolicyContext): Promise<Response> {
    // A policy of another library, whose rules this package cannot know, runs the task again.
    if (++this.#runs > 1 && this.#streamField !== undefined) refuseStream(this.#streamField)
    this.#cancelAll()
    const response = await fetch(this.#input, { ...this.#init, signal: this.#signalFor(signal) })
    if (this.#isOver || signal.aborted) {
      cancelBody(response)
      signal.throwIfAborted()
      return response
    }
    this.#open.add(response)
    if (!this.#fails(response)) return response
    throw new FailedResponseError(response, retryAfterMs(response, this.#system.clock.now().wallMs))
  }

  /** Ends the call: cancels all responses but the one that the caller gets. */
  end(result: unknown): void {
    this.#isOver = true
    this.#open.delete(result as Response)
    this.#cancelAll()
  }

  /** Cancels failing responses: when the task runs again, the policies have discarded them. */
  #cancelAll(): void {
    for (const response of this.#open) cancelBody(response)
    this.#open.clear()
  }

  #fails(response: Response): boolean {
    try {
      const answer = this.#isFailure(response) as unknown
      if (typeof answer === 'boolean') return answer
      ifRejected(answer, (error) => this.#system.report(error, 'isFailure of a fetch'))
      throw new InvalidArgumentError('the result of options.isFailure', 'true or false', answer)
    } catch (error) {
      this.#system.report(error, 'isFailure of a fetch')
      return isFailingStatus(response)
    }
  }

  /** Returns a signal that aborts with the task, and with the caller also once the task is over: for the body. */
  #signalFor(signal: AbortSignal): AbortSignal {
    const caller = this.#callerSignal
    return caller === undefined || caller === signal ? signal : AbortSignal.any([signal, caller])
  }
}

/**
 * Sends a request through layers. Resolves with the last response, also with a failing one, as `fetch` does.
 *
 * @throws InvalidArgumentError (rejecting) naming what is refused.
 */
export async function fetchThrough(
  layers: readonly Layer[],
  system: System,
  input: FetchInput,
  init: FetchInit | undefined,
  options: PolicyFetchOptions | undefined,
  meter?: CallMeter,
): Promise<Response> {
  const settings = checkOptions('options', options)
  known('options', settings, OPTIONS)
  const { isFailure, priority } = settings
  assertInput(input)
  const signalOfInput: unknown = isA(input, Request) ? input.signal : undefined
  const signal = abortSignal('init.signal', fieldOf(checkOptions('init', init), 'signal') ?? signalOfInput)
  const call = new FetchCall(
    system,
    optionalCallable<(response: Response) => boolean>('options.isFailure', isFailure) ?? isFailingStatus,
    input,
    init,
    signal,
  )
  call.assertRepeatable(layers)
  const executeOptions = {
    signal,
    ...(priority === undefined ? {} : { priority: finite('options.priority', priority) }),
  }
  try {
    const response = await execute(layers, system, (context) => call.run(context), executeOptions, [input, init], meter)
    call.end(response)
    return response
  } catch (error) {
    if (isA(error, FailedResponseError)) {
      call.end(error.response)
      return error.response
    }
    call.end(undefined)
    throw error
  }
}
