/** Histories of what several clients did and saw, and models that say what they could have seen. */

/**
 * A service as it would be with one client at a time. `linearizable` looks for an order of the operations in which it
 * gives the outputs that were seen.
 */
export interface SequentialModel<State, Input, Output> {
  /** Returns the first state, of one key if there are keys. States are plain data, as a journal takes it. */
  init(): State
  /** Returns the output of an operation and the state after it, as `handleCall` of a GenServer. May change the state. */
  apply(state: State, input: Input): readonly [output: Output, state: State]
  /**
   * Returns the key of an operation. Operations of different keys know nothing of each other, so each key is checked
   * alone, which takes far less time. Default: one key for all.
   */
  key?(input: Input): string | number
  /** Returns whether an output is the one that the model gives. Default: `isDeepStrictEqual` of `node:util`. */
  equals?(output: Output, expected: Output, input: Input): boolean
}

/** One operation of a client. */
export interface HistoryOperation<Input = unknown, Output = unknown> {
  /** The name of the client. */
  readonly client: string
  /** The operation, as the model takes it. */
  readonly input: Input
  /**
   * The outcome: `returned` has an output; `failed` had no effect, for sure; `unknown` may have taken effect, may do so
   * later, or never will: nobody has answered.
   */
  readonly outcome: 'returned' | 'failed' | 'unknown'
  /** The output, if it returned. */
  readonly output?: Output | undefined
  /** The place of its call among the calls and returns of all clients, or a time on one clock. */
  readonly called: number
  /** The place of its return on the same scale; left out while it is unknown. */
  readonly returned?: number | undefined
  /** The virtual time of its call, in milliseconds, if it is known. */
  readonly calledMs?: number | undefined
  /** The virtual time of its return, in milliseconds, if it is known. */
  readonly returnedMs?: number | undefined
}

/** An operation that a client has begun. One that is never ended is `unknown`. */
export interface PendingOperation<Output> {
  /** Ends it with its output. */
  returned(output: Output): void
  /** Ends it: it had no effect, for sure. */
  failed(): void
}

/** Options of {@link SimulationHistory.record}. */
export interface RecordOptions {
  /**
   * Returns true for an error which says that the operation had no effect, for sure. Default: no error says so.
   */
  readonly failed?: (error: unknown) => boolean
}

/** A record of what clients did and saw in a run. */
export interface SimulationHistory<Input = unknown, Output = unknown> {
  /** The operations, in the order of their calls. */
  readonly operations: readonly HistoryOperation<Input, Output>[]
  /**
   * Records an operation of a client while it runs. If it throws or rejects, its outcome is unknown, unless
   * `options.failed` says that it had no effect.
   *
   * @returns What `run` returns; rejects with its error.
   */
  record<T extends Output>(
    client: string,
    input: Input,
    run: () => T | PromiseLike<T>,
    options?: RecordOptions,
  ): Promise<T>
  /** Records that a client begins an operation, which you end yourself. */
  begin(client: string, input: Input): PendingOperation<Output>
  /**
   * Checks all operations.
   *
   * @throws LinearizabilityError unless an order of them explains what the clients saw.
   */
  check(checker: LinearizabilityChecker<Input, Output>): void
}

/** Options of `linearizable`. */
export interface LinearizabilityOptions {
  /** The most steps of the model for one key; then the check ends undecided. Default 10 000 000. */
  readonly steps?: number
}

/** Checks histories. */
export interface LinearizabilityChecker<Input, Output> {
  /**
   * Looks for an order of the operations that explains all outputs.
   *
   * @throws InvalidArgumentError for what is no list of operations; NotPlainError for a state that is no plain data.
   */
  check(operations: readonly HistoryOperation<Input, Output>[]): LinearizabilityResult<Input, Output>
}

/** The part of a history that no order explains. */
export interface HistoryViolation<Input = unknown, Output = unknown> {
  /** The key of the operations; `undefined` for a model without keys. */
  readonly key: string | number | undefined
  /** The operation whose output fits nowhere. */
  readonly operation: HistoryOperation<Input, Output>
  /** An order of operations that explains all outputs before it. */
  readonly before: readonly HistoryOperation<Input, Output>[]
  /** The output that it would have had after those. */
  readonly expected: Output
  /** The operations that overlap it. */
  readonly concurrent: readonly HistoryOperation<Input, Output>[]
}

/** The result of a check. */
export interface LinearizabilityResult<Input = unknown, Output = unknown> {
  /** Whether there is an order that explains all outputs; `undecided` when there were too many to try. */
  readonly verdict: 'linearizable' | 'not linearizable' | 'undecided'
  /** The key whose check was not passed, if there are keys. */
  readonly key?: string | number | undefined
  /** The part that does not fit, for `not linearizable`. */
  readonly violation?: HistoryViolation<Input, Output> | undefined
  /** The result in words, with a line for each operation that matters. */
  readonly text: string
}
