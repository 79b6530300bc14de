/** The types that users give a simulation and get from it. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'

import type { Clock } from '../clock/types.ts'
import type { System } from '../system/system.ts'
import type { SimulationHistory } from './history/types.ts'

/** The ways to draw the choices of a run. See `docs/simulation.md`. */
export type ScheduleName = 'random' | 'pct' | 'dfs' | 'fifo'

/** The probability of each kind of fault at each step of a run, from 0 to 1. Default of each: 0. */
export interface Faults {
  /** A process that a supervisor owns is killed. */
  readonly crash?: number
  /** Time passes to the next timer, 100 ms at most, although a message waits: the machine is slow. */
  readonly delay?: number
  /** A node stops for 10 ms to 10 s, as by SIGSTOP; its time passes meanwhile. */
  readonly pause?: number
  /** The most that the clock of a node is too fast or too slow: 0.1 for ten percent. Drawn once for each node. */
  readonly skew?: number
  /** A message between nodes arrives 1 ms to 1 s late. Those behind it wait for it. Asked for each message. */
  readonly latency?: number
  /** A message between nodes is lost. Asked for each message. */
  readonly loss?: number
  /** A message or request between nodes arrives twice. Asked for each message. */
  readonly duplicate?: number
  /** A message between nodes arrives 1 to 100 ms late, and later ones pass it. Asked for each message. */
  readonly reorder?: number
  /** The connection of two nodes is cut for 100 ms to 10 s, both ways or one. Asked for each message between them. */
  readonly partition?: number
}

/** Options of a simulation. */
export interface SimulationOptions {
  /** The number of runs, unless one fails. Default 100. The environment variable `KEELSON_RUNS` overrides it. */
  readonly runs?: number
  /**
   * The seed of all runs: an integer from 0 to 2^53 - 1. Default: a fresh one. The environment variable `KEELSON_SEED`
   * overrides it.
   */
  readonly seed?: number
  /** The way to draw choices. Default `'random'`. */
  readonly schedule?: ScheduleName
  /** The depth of the races that `pct` looks for, from 1 to 3. Default 2. */
  readonly depth?: number
  /** The number of choices that `dfs` varies. Default 16. */
  readonly bound?: number
  /** The kinds of faults, with the probability of each. Default: no faults. */
  readonly faults?: Faults
  /** Lets `setTimeout` and the like fail the run, or move with the clock of the simulation. Default `'error'`. */
  readonly timers?: 'error' | 'virtual'
  /** The most steps of a run; a program that needs more counts as endless. Default 100 000. */
  readonly steps?: number
  /** Repeats one run in so many that pass, to compare the two; 0 for none. Default 20. */
  readonly checkEvery?: number
  /** The most runs that shrink a failure. Default 2000. */
  readonly shrinkRuns?: number
  /** The folder for files that repeat a failure. Default `'.keelson'`, in the working directory. */
  readonly folder?: string
  /** Receives the report of a failure. Default: standard error. */
  readonly print?: (report: string) => unknown
}

/** A choice of a run. */
export interface SimulationChoice {
  /** The question. */
  readonly label: string
  /** The number of answers. */
  readonly of: number
  /** The answer; 0 is what production does. */
  readonly value: number
  /** The virtual time, in milliseconds. */
  readonly at: number
}

/** Something that happened in a run. */
export interface SimulationEvent {
  /** Its number in the run, from 0. */
  readonly number: number
  /** The virtual time, in milliseconds. */
  readonly at: number
  /** The name of the node, or `''` for what belongs to none. */
  readonly node: string
  /** The kind of event: `message`, `timer`, `crash`, `pause` … */
  readonly kind: string
  /** The process or timer it is about. */
  readonly process: string
  /** The message, in short. */
  readonly message: string
  /**
   * The number of the event after which the message was sent: the last message that its sender handled, or a timer of its
   * node that fired since. `undefined` where there is none.
   */
  readonly cause?: number | undefined
}

/** The failure of a run. */
export interface SimulationFailure {
  /** The seed of the exploration. */
  readonly seed: number
  /** The number of the run, from 0. */
  readonly run: number
  /** The error of the shrunk run. */
  readonly error: unknown
  /** The choices of the shrunk run. */
  readonly choices: readonly SimulationChoice[]
  /** The path of the file that repeats it; `undefined` if it could not be written. */
  readonly file: string | undefined
  /** The events of the shrunk run. */
  readonly events: readonly SimulationEvent[]
  /** The report: seed, file, events, the property that broke, and who waits where. */
  readonly report: string
}

/** The result of an exploration. */
export interface SimulationResult {
  /** The number of runs, without those that repeat or shrink one. */
  readonly runs: number
  /** A digest of the labels, choices, times and events of all runs: equal for equal seeds. */
  readonly digest: string
  /** The first failure. */
  readonly failure?: SimulationFailure
}

/** Options of {@link SimulationNetwork.partition}. */
export interface PartitionOptions {
  /** Loses only what the first sends to the second. Default false. */
  readonly oneWay?: boolean
}

/** The network between the nodes of a simulation. */
export interface SimulationNetwork {
  /**
   * Parts nodes: what one side sends to the other is lost, and so is what is under way. That lasts until {@link heal},
   * over restarts of the nodes too.
   *
   * @param a A node, or the nodes of one side.
   * @param b A node, or the nodes of the other side. None may be on both sides.
   * @throws InvalidArgumentError for anything else.
   */
  partition(a: System | readonly System[], b: System | readonly System[], options?: PartitionOptions): void
  /** Ends all partitions. What was lost stays lost. */
  heal(): void
}

/**
 * A handler of requests of the web. It may have no second parameter, as it would be taken for one of `node:http`. What
 * takes further arguments anyhow, as a middleware does, gets the address of the client as Deno passes it.
 */
export type FetchStyleHandler = (request: Request) => Response | PromiseLike<Response>

/** A handler of `node:http`, or an app that is one: Express, Connect, the `callback()` of Koa. */
export type NodeStyleHandler = (request: IncomingMessage, response: ServerResponse) => unknown

/**
 * An app that needs no function: a server of `node:http`, which need not listen; an app of Fastify; or an object with a
 * fetch-style handler, as Hono's.
 */
export type ServedApp =
  | Server
  | { readonly server: Server; ready(): unknown }
  | { fetch(request: Request, ...rest: never[]): Response | PromiseLike<Response> }

/** Options of {@link Simulation.listen}. */
export interface ListenOptions {
  /** The node of the server. It listens until it is closed, or its node crashes. */
  readonly system: System
}

/** Options of {@link Simulation.fetch}. */
export interface SimulatedFetchOptions {
  /**
   * The node that sends the request. Default: the node whose code calls `fetch`, or the program, whose requests meet no
   * faults.
   */
  readonly system?: System
}

/** A server of a simulation. */
export interface SimulationServer {
  /** Its address, such as `http://api`. */
  readonly url: string
  /** Refuses connections from now on. Requests that have begun go on. */
  close(): void
}

/** The time of a simulation: a clock for the program itself. */
export interface SimulationClock extends Clock {
  /**
   * Sets wall time forward, or back, on one node, or on all nodes and the program itself. Monotonic time does not move.
   */
  jumpWall(ms: number, system?: System): void
}

/** Options of {@link Simulation.settle}. */
export interface SettleOptions {
  /** Ends all pauses and partitions, and asks for no further faults. Default false. */
  readonly heal?: boolean
  /** The most virtual time that may pass until nothing is left to do, in milliseconds. Default 60 000. */
  readonly within?: number
}

/** A process that can be crashed: a ref of `keelson/otp` or of `keelson/process`. */
export interface CrashableRef {
  /** The id of the process. */
  readonly id: unknown
}

/** A simulated world, as its program sees it. */
export interface Simulation {
  /** The time of the program. It moves by itself when nothing is left to do. */
  readonly clock: SimulationClock
  /** The network between the nodes. */
  readonly network: SimulationNetwork
  /**
   * Returns the node with this name. At the first call, and after a crash of the node, it is a new system: with a clock
   * of its own, whose speed may differ (`faults.skew`), and a random stream of its own, which the name decides.
   *
   * @throws InvalidArgumentError for an empty name.
   */
  system(name: string): System
  /**
   * Adds a property that must hold after each step. The run fails when `holds` returns false or throws.
   *
   * @throws InvalidArgumentError for an empty name, or one that is taken.
   */
  invariant(name: string, holds: () => boolean): void
  /** Adds a property that must hold at least once in all runs together, if any run asks for it. */
  sometimes(name: string, holds: boolean): void
  /**
   * Returns a number from 0 to `n - 1`, which the schedule chooses. 0 stands for what production usually does.
   *
   * @throws InvalidArgumentError unless `n` is an integer from 1 to 2^31 - 1.
   */
  choose(n: number, label: string): number
  /**
   * Kills a process, at once and without `terminate`; its supervisor sees a crash. Or crashes a node: nothing of it runs
   * any more, and whatever its handlers wait for never settles. Calls to it fail at their deadlines.
   *
   * @throws InvalidArgumentError for anything else.
   */
  crash(target: System | CrashableRef): void
  /** Stops a node for a time, as by SIGSTOP: its deadlines pass, and it learns that afterwards. */
  pause(system: System, ms: number): void
  /**
   * Resolves when nothing is left to do: no message waits, and no timer but intervals.
   *
   * @throws PropertyError, as a rejection, when that takes longer than `within`.
   */
  settle(options?: SettleOptions): Promise<void>
  /**
   * Runs a function as code of a node: what it sends, also after an `await`, goes through the network from there, and
   * `Date`, `Math.random` and the like are those of the node.
   *
   * @returns The result of the function.
   * @throws InvalidArgumentError for what is no system of this simulation.
   */
  inside<T>(system: System, body: () => T): T
  /**
   * Makes an app answer requests to `http://name`, without a socket. A function with one parameter, or none, is a
   * fetch-style handler; one with more is a handler of `node:http`, as an app of Express is.
   *
   * @param name The host, such as `api`, `api:8080` or `payments.example.com`.
   * @throws InvalidArgumentError for a name that is no host or is taken, and for anything that is no app.
   */
  listen(name: string, app: FetchStyleHandler | NodeStyleHandler | ServedApp, options: ListenOptions): SimulationServer
  /**
   * Sends a request to a server of the simulation, over its network. Works as Node's `fetch`: the same checks, redirects,
   * and errors, whose `cause.code` is `ENOTFOUND` for a name under which nobody listens, `ECONNREFUSED` for a server that
   * is closed or whose node has crashed, `UND_ERR_SOCKET` for one that crashes before it has answered, and
   * `UND_ERR_HEADERS_TIMEOUT` after 300 s for a request or response that is lost.
   *
   * @throws InvalidArgumentError, as a rejection, for bad options; TypeError as `fetch`.
   */
  fetch(url: string | URL | Request, init?: RequestInit, options?: SimulatedFetchOptions): Promise<Response>
  /** Returns a new record of what clients did and saw. */
  history<Input = unknown, Output = unknown>(): SimulationHistory<Input, Output>
  /**
   * Admits a promise of the real world: time stands until it settles. What it does must be the same in each run.
   *
   * @returns The same promise.
   */
  external<T>(promise: Promise<T>): Promise<T>
}

/** A program that is simulated. It runs once in each run, and must do the same for the same choices. */
export type SimulationProgram = (sim: Simulation) => void | Promise<void>
