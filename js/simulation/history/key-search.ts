import { NativeHandles } from '../../internal/native-handles.ts'
import { hot, native, scratch } from '../../native.ts'
import { encodePlain, revivePlain } from '../../plain/text.ts'
import {
  LINEARIZABLE,
  NO_ANSWER,
  NO_FIT,
  NOT_LINEARIZABLE,
  SEARCH_STEP_STATE,
  UNDECIDED,
} from '../../protocol/linearizability.ts'
import type { HistoryOperation, SequentialModel } from './types.ts'

const handles = new NativeHandles((handle) => native.searchClose(handle))

const NUMBERS_AN_OPERATION = 2

/** The end of a search: the verdict, and where each order fails. */
export interface SearchResult<Output> {
  readonly verdict: 'linearizable' | 'not linearizable' | 'undecided'
  readonly blocked?: { readonly operation: number; readonly order: readonly number[]; readonly expected: Output }
}

const VERDICTS = {
  [LINEARIZABLE]: 'linearizable',
  [NOT_LINEARIZABLE]: 'not linearizable',
  [UNDECIDED]: 'undecided',
} as const

/** Tells the core what operations of one key do in the states of a model. States have numbers, in the order met. */
export class KeySearch<State, Input, Output> {
  readonly #model: SequentialModel<State, Input, Output>
  readonly #operations: readonly HistoryOperation<Input, Output>[]
  readonly #equals: (output: Output, expected: Output, input: Input) => boolean
  /** The states as plain text: a model may change the state that it gets. */
  readonly #states: string[] = []
  readonly #numbers = new Map<string, number>()
  /** By state: the next state of each operation, or that it does not fit. */
  readonly #steps: Map<number, number>[] = []

  constructor(
    model: SequentialModel<State, Input, Output>,
    operations: readonly HistoryOperation<Input, Output>[],
    equals: (output: Output, expected: Output, input: Input) => boolean,
  ) {
    this.#model = model
    this.#operations = operations
    this.#equals = equals
    this.#numberOf(model.init())
  }

  run(questions: number): SearchResult<Output> {
    const spans = new Float64Array(this.#operations.length * NUMBERS_AN_OPERATION)
    this.#operations.forEach(({ outcome, called, returned }, index) => {
      spans.set([called, outcome === 'returned' ? (returned as number) : Infinity], index * NUMBERS_AN_OPERATION)
    })
    const handle = native.searchOpen(spans, questions)
    handles.own(this, handle)
    try {
      let operation = hot.searchNext(handle, NO_ANSWER)
      while (operation >= 0)
        operation = hot.searchNext(handle, this.#step(scratch[SEARCH_STEP_STATE] as number, operation))
      const verdict = VERDICTS[operation as keyof typeof VERDICTS]
      const blocked = native.searchBlocked(handle)
      return blocked === null ? { verdict } : { verdict, blocked: { ...blocked, expected: this.#expected(blocked) } }
    } finally {
      handles.close(this, handle)
    }
  }

  /** Returns the number of the state after an operation, or `NO_FIT`. */
  #step(state: number, operation: number): number {
    const steps = this.#steps[state] as Map<number, number>
    let next = steps.get(operation)
    if (next === undefined) steps.set(operation, (next = this.#apply(state, operation)))
    return next
  }

  #apply(state: number, operation: number): number {
    const { input, outcome, output } = this.#operations[operation] as HistoryOperation<Input, Output>
    const [expected, next] = this.#model.apply(this.#stateOf(state), input)
    if (outcome === 'returned' && !this.#equals(output as Output, expected, input)) return NO_FIT
    return this.#numberOf(next)
  }

  /** Returns the output that an operation would have after others. */
  #expected({ operation, order }: { operation: number; order: readonly number[] }): Output {
    let state = 0
    for (const placed of order) state = this.#step(state, placed)
    const { input } = this.#operations[operation] as HistoryOperation<Input, Output>
    const [expected] = this.#model.apply(this.#stateOf(state), input)
    return expected
  }

  #stateOf(number: number): State {
    return revivePlain(JSON.parse(this.#states[number] as string)) as State
  }

  #numberOf(state: State): number {
    const text = encodePlain('the state of the model', state)
    let number = this.#numbers.get(text)
    if (number === undefined) {
      number = this.#states.push(text) - 1
      this.#numbers.set(text, number)
      this.#steps.push(new Map())
    }
    return number
  }
}
