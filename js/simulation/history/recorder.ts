import { InvalidArgumentError } from '../../errors/errors.ts'
import { callable, known, object, optionalCallable, options as checkOptions, text } from '../../internal/validate.ts'
import { type EventLog, inShort } from '../event-log.ts'
import { LinearizabilityError } from '../errors.ts'
import type {
  HistoryOperation,
  LinearizabilityChecker,
  PendingOperation,
  RecordOptions,
  SimulationHistory,
} from './types.ts'

/** The parts of a run that its histories use. */
export interface HistoryWorld {
  readonly now: number
  readonly events: EventLog | undefined
  assertRunning(): void
}

/** An operation while its run goes on. */
type OpenOperation<Input, Output> = {
  -readonly [Field in keyof HistoryOperation<Input, Output>]: HistoryOperation<Input, Output>[Field]
}

/** Records what clients do and see in a run. */
export class HistoryRecorder<Input, Output> implements SimulationHistory<Input, Output> {
  readonly #world: HistoryWorld
  readonly #operations: OpenOperation<Input, Output>[] = []
  /** The number of calls and returns. */
  #places = 0

  constructor(world: HistoryWorld) {
    this.#world = world
  }

  get operations(): readonly HistoryOperation<Input, Output>[] {
    return this.#operations.map((operation) => ({ ...operation }))
  }

  async record<T extends Output>(
    client: string,
    input: Input,
    run: () => T | PromiseLike<T>,
    options?: RecordOptions,
  ): Promise<T> {
    callable('run', run)
    const settings = checkOptions('options', options)
    known('options', settings, ['failed'])
    optionalCallable('options.failed', settings.failed)
    const operation = this.begin(client, input)
    try {
      const output = await run()
      operation.returned(output)
      return output
    } catch (error) {
      if (settings.failed?.(error) === true) operation.failed()
      throw error
    }
  }

  begin(client: string, input: Input): PendingOperation<Output> {
    this.#world.assertRunning()
    text('client', client)
    const operation: OpenOperation<Input, Output> = {
      client,
      input,
      outcome: 'unknown',
      called: this.#places++,
      calledMs: this.#world.now,
    }
    this.#operations.push(operation)
    this.#log(operation, 'calls', inShort(input))
    return {
      returned: (output) => {
        this.#end(operation, 'returned')
        operation.output = output
        this.#log(operation, 'returns', `${inShort(input)} → ${inShort(output)}`)
      },
      failed: () => {
        this.#end(operation, 'failed')
        this.#log(operation, 'fails', inShort(input))
      },
    }
  }

  check(checker: LinearizabilityChecker<Input, Output>): void {
    const { check } = object<LinearizabilityChecker<Input, Output>>('checker', checker, 'made by linearizable()')
    callable('checker.check', check)
    const result = checker.check(this.#operations)
    if (result.verdict !== 'linearizable') throw new LinearizabilityError(result)
  }

  #end(operation: OpenOperation<Input, Output>, outcome: 'returned' | 'failed'): void {
    if (operation.outcome !== 'unknown') {
      throw new InvalidArgumentError('operation', 'one that has not ended: each operation ends once', operation.outcome)
    }
    operation.outcome = outcome
    operation.returned = this.#places++
    operation.returnedMs = this.#world.now
  }

  #log({ client }: HistoryOperation, kind: string, message: string): void {
    this.#world.events?.add({ at: this.#world.now, node: '', kind, process: client, message })
  }
}
