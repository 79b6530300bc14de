/** The public surface as the compiler sees it: every function, constructor and method, and what their options are called. */
import {
  type Checker,
  type Signature,
  SignatureKind,
  type Symbol,
  SymbolFlags,
  type Type,
} from 'typescript/unstable/sync'

import { withProject } from '../support/compiler.ts'
import { root } from '../support/root.ts'

/** An object that a parameter takes: options, or something with callbacks. */
export interface Shape {
  /** The name of its type; for one without a name, its text. */
  readonly type: string
  readonly names: readonly string[]
  readonly required: readonly string[]
  /** The names whose values are functions. */
  readonly callbacks: readonly string[]
  /** The shapes that a name takes. */
  readonly inner: ReadonlyMap<string, readonly Shape[]>
  /** True for an element of a list. */
  readonly inList: boolean
}

export interface Parameter {
  readonly shapes: readonly Shape[]
}

export interface Callee {
  /** `otp GenServer.start`, `new atrion Atrion`; a method goes by its type alone: `Policy#execute`. */
  readonly path: string
  readonly parameters: readonly Parameter[]
}

class Walk {
  readonly callees = new Map<string, Callee>()
  readonly #seen = new Set<string>()
  readonly #checker: Checker

  constructor(checker: Checker) {
    this.#checker = checker
  }

  module(entry: string, symbol: Symbol): void {
    for (const exported of this.#checker.getExportsOfModule(symbol)) {
      const target = exported.flags & SymbolFlags.Alias ? this.#checker.getAliasedSymbol(exported) : exported
      if ((target.flags & SymbolFlags.Value) === 0) continue
      const type = this.#checker.getTypeOfSymbol(target)
      if (type !== undefined) this.#value(entry, exported.name, type)
    }
  }

  #value(entry: string, path: string, type: Type): void {
    const made = this.#checker.getSignaturesOfType(type, SignatureKind.Construct)
    for (const signature of made) {
      this.#callee(`new ${entry} ${path}`, signature)
      this.#methods(entry, path, this.#checker.getReturnTypeOfSignature(signature))
    }
    this.#calls(entry, path, type)
    for (const property of this.#checker.getPropertiesOfType(type)) {
      if (!this.#ours(property)) continue
      const inner = this.#checker.getTypeOfSymbol(property)
      if (inner !== undefined) this.#calls(entry, `${path}.${property.name}`, inner)
    }
  }

  #calls(entry: string, path: string, type: Type): void {
    for (const signature of this.#checker.getSignaturesOfType(type, SignatureKind.Call)) {
      this.#callee(`${entry} ${path}`.trim(), signature)
      this.#methods(entry, undefined, this.#checker.getReturnTypeOfSignature(signature))
    }
  }

  /** The methods of what is made or returned, under the name of its type. */
  #methods(entry: string, path: string | undefined, type: Type | undefined): void {
    if (type === undefined) return
    const parts = type.isUnionType() ? (type.getTypes() ?? []) : [type]
    for (const part of parts) {
      const name = path ?? this.#nameOf(part)
      if (name === 'Promise') {
        const [inner] = this.#checker.getTypeArguments(part as never)
        this.#methods(entry, undefined, inner)
        continue
      }
      if (name === undefined) continue
      const symbol = part.getSymbol()
      if (symbol === undefined || !this.#ours(symbol) || this.#seen.has(name)) continue
      this.#seen.add(name)
      this.#calls('', `${name}#()`, part)
      for (const property of this.#checker.getPropertiesOfType(part)) {
        if (!this.#ours(property) || property.name.startsWith('__')) continue
        const inner = this.#checker.getTypeOfSymbol(property)
        if (inner === undefined) continue
        this.#calls('', `${name}#${property.name}`, inner)
        if (this.#checker.getSignaturesOfType(inner, SignatureKind.Call).length === 0)
          this.#methods(entry, undefined, inner)
      }
    }
  }

  #callee(path: string, signature: Signature): void {
    // Overloads are told together.
    const before = this.callees.get(path)?.parameters ?? []
    const count = Math.max(signature.parameters.length, before.length)
    const parameters = Array.from({ length: count }, (_, index) => {
      const known = before[index]?.shapes ?? []
      const type = index < signature.parameters.length ? this.#checker.getParameterType(signature, index) : undefined
      const own = type === undefined ? [] : this.#shapes(type, 0)
      return { shapes: [...known, ...own.filter((shape) => !known.some((one) => one.type === shape.type))] }
    })
    this.callees.set(path, { path, parameters })
  }

  #shapes(type: Type, depth: number, inList = false): Shape[] {
    const parts = type.isUnionType() ? (type.getTypes() ?? []) : [type]
    return parts.flatMap((part): Shape[] => {
      if (this.#checker.isArrayType(part)) {
        const [element] = this.#checker.getTypeArguments(part as never)
        return element === undefined ? [] : this.#shapes(element, depth, true)
      }
      const symbol = part.getSymbol()
      const isFunction = this.#checker.getSignaturesOfType(part, SignatureKind.Call).length > 0
      if (isFunction || depth > 2) return []
      if (symbol === undefined && !part.isIntersectionType()) return []
      const properties = this.#checker.getPropertiesOfType(part).filter((property) => this.#ours(property))
      if (properties.length === 0) return []
      return [this.#shape(this.#nameOf(part) ?? this.#checker.typeToString(part), properties, depth, inList)]
    })
  }

  #shape(type: string, properties: readonly Symbol[], depth: number, inList: boolean): Shape {
    const inner = new Map<string, readonly Shape[]>()
    const callbacks: string[] = []
    for (const property of properties) {
      const of = this.#checker.getTypeOfSymbol(property)
      if (of === undefined) continue
      const parts = of.isUnionType() ? (of.getTypes() ?? []) : [of]
      if (parts.some((part) => this.#checker.getSignaturesOfType(part, SignatureKind.Call).length > 0))
        callbacks.push(property.name)
      const shapes = this.#shapes(of, depth + 1)
      if (shapes.length > 0) inner.set(property.name, shapes)
    }
    return {
      type,
      names: properties.map(({ name }) => name),
      required: properties.filter(({ flags }) => (flags & SymbolFlags.Optional) === 0).map(({ name }) => name),
      callbacks,
      inner,
      inList,
    }
  }

  #nameOf(type: Type): string | undefined {
    const name = type.getAliasSymbol()?.name ?? type.getSymbol()?.name
    return name === undefined || name.startsWith('__') || name.startsWith('\u00fe') ? undefined : name
  }

  /** Returns whether a declaration is in the package. */
  #ours(symbol: Symbol): boolean {
    return symbol.declarations.some(
      ({ path }) => String(path).includes('/dist/') && !String(path).includes('/node_modules/'),
    )
  }
}

/** Returns every function of the entries, by path. */
export function surface(entries: readonly string[]): ReadonlyMap<string, Callee> {
  const fileOf = (entry: string): string => `${root}dist/${entry}/index.d.ts`
  return withProject('surface', entries.map(fileOf), ({ checker, program }) => {
    const walk = new Walk(checker)
    for (const entry of entries) {
      const source = program.getSourceFile(fileOf(entry))
      const symbol = source && checker.getSymbolAtLocation(source)
      if (symbol === undefined) throw new Error(`the compiler found no entry ${entry}`)
      walk.module(entry, symbol)
    }
    return walk.callees
  })
}

export const entries = [
  'atom',
  'atrion',
  'clock',
  'effect',
  'journal',
  'otp',
  'process',
  'system',
  'simulation',
  'fast-check',
  'testing',
  'dashboard',
  'express',
  'fastify',
  'koa',
  'observe',
  'opentelemetry',
  'prometheus',
  'fetch',
]

/** Types that are neither options nor callbacks: the package makes them, or they hold observations. */
const DATA: Readonly<Record<string, string>> = {
  CompensationFailure: 'made by a saga',
  Called: 'what an error calls a process: a process itself is given',
  Millis: 'a number',
  System: 'made by createSystem',
  ControlledClock: 'made by createControlledClock',
  Clock: 'made by createSystemClock, or an object with the same methods, which are checked one by one',
  TimeSource: 'a clock, or whatever has its now',
  DurableJournal: 'made by openJournal',
  DeadlineTarget: 'any Instant; it has more fields',
  Atom: 'made by createAtom',
  Context: 'made by createContext',
  ContextImpl: 'made by createContext',
  EffectEnv: 'what an effect is given',
  Effect: 'made by effect',
  Atrion: 'made by its constructor',
  Limiter: 'made by its constructor',
  LimiterUnion: 'made by Limiter.union',
  RateLimitCount: 'what a store answers',
  RateLimitStoreSetup: 'what a middleware tells its store',
  RetryBudget: 'made by retryBudget',
  Schedule: 'made by schedule',
  Chance: 'a system’s random source',
  Registrar: 'a RegistryInstance',
  Layer: 'internal',
  ProviderOffer: 'made by an engine',
  SharedState: 'made by an engine',
  Pages: 'internal',
  PolicyOptions: 'of constructors that functions call: bulkhead, retry',
  Ref: 'a ref',
  From: 'given to handleCall',
  EventProcess: 'a ref',
  ClassicProcess: 'made by createProcess',
  ProcessId: 'made by createProcessId',
  ProcessIdImpl: 'made by createProcessId',
  Task: 'made by Task.async',
  'AbortSignal & { readonly signal: AbortSignal; }': 'made here, for a policy of another library',
  FastifyInstance: 'made by Fastify, which has more',
  HonoContext: 'made by Hono, which has more',
  IoredisLike: 'a client of another library',
  MetricsRegistry: 'a registry of prom-client',
  MetricsResponse: 'made by Express and by Fastify',
  NodeRedisLike: 'a client of another library',
  SerializedJournal: 'made by toJSON',
  ExportData: 'made by prepareExportData',
  ObserverSnapshot: 'made by getSnapshot',
  GenServerStats: 'made by getServerStats',
  HistoryOperation: 'recorded by a history; each field is checked, and there may be more',
  LinearizabilityResult: 'made by a checker',
  MetricsHistory: 'data that the user has collected',
  StoreSetup: 'what express-rate-limit tells its store',
}

/** Returns whether a type is neither options nor callbacks. A nameless type is data when its fields are required. */
export function isData(type: string): boolean {
  return (
    Object.hasOwn(DATA, type) || /Ref$|^GenServerRef|^\{ readonly (?:type|error|value|version|kind|wallMs)\b/.test(type)
  )
}
