/** Parts of planted races, written with the public API as a user would. */
import { GenServer, type GenServerRef } from 'keelson/otp'
import type { Simulation, SimulationOptions, SimulationProgram } from 'keelson/simulation'
import type { System } from 'keelson/system'

/** A race and its correct twin. */
export interface Race {
  readonly name: string
  readonly options?: SimulationOptions
  /** Returns the program with the race, or its twin without. */
  program(isFixed: boolean): SimulationProgram
}

/** A message with a type. */
export interface Message {
  readonly type: string
  readonly [field: string]: unknown
}

type Handler<State> = (message: Message, state: State) => unknown

/** Starts a process that answers each message with what its handler returns, and changes its state in place. */
export const startServer = async <State>(
  system: System,
  init: () => State,
  handler: Handler<State>,
): Promise<GenServerRef> => {
  const behavior = {
    init,
    handleCall: (message: Message, state: State): [unknown, State] | Promise<[unknown, State]> => {
      const answer = handler(message, state)
      return answer instanceof Promise ? answer.then((value: unknown) => [value, state]) : [answer, state]
    },
    handleCast: (message: Message, state: State) => {
      const answer = handler(message, state)
      return answer instanceof Promise ? answer.then(() => state) : state
    },
  }
  return (await GenServer.start(behavior as never, { system })) as GenServerRef
}

/** Calls a process. */
export const ask = <T = unknown>(ref: GenServerRef, message: Message, timeout?: number): Promise<T> =>
  GenServer.call(
    ref as never,
    message as never,
    timeout === undefined ? undefined : ({ timeout } as never),
  ) as Promise<T>

/** Starts a process on a node of its own, that runs a function for each call. */
export const startClient = (
  sim: Simulation,
  node: string,
  run: (message: Message) => Promise<unknown>,
): Promise<GenServerRef> => startServer(sim.system(node), () => ({}), run)

/** Fails the run. */
export function expectEqual(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`${what} is ${String(found)}, not ${String(expected)}`)
}
