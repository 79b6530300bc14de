/** Drivers that call each function of the surface with options or callbacks. */
import { createServer } from 'node:http'
import Fastify, { type FastifyPluginCallback } from 'fastify'
import { createAtom, createSharedAtom, sharedCounter, sharedFlag, transact } from 'keelson/atom'
import { Atrion, InMemoryProvider, RedisStateProvider, type Ticket } from 'keelson/atrion'
import { createControlledClock, createSystemClock } from 'keelson/clock'
import { Dashboard } from 'keelson/dashboard'
import * as effects from 'keelson/effect'
import * as express from 'keelson/express'
import { simulation, simulationFor } from 'keelson/fast-check'
import * as fastify from 'keelson/fastify'
import * as fetchStyle from 'keelson/fetch'
import { createJournal, createProjection, Journal, openJournal } from 'keelson/journal'
import * as koa from 'keelson/koa'
import { instrument } from 'keelson/opentelemetry'
import { observe } from 'keelson/observe'
import * as otp from 'keelson/otp'
import * as processes from 'keelson/process'
import { metricsHandler } from 'keelson/prometheus'
import { explore, linearizable, simulate } from 'keelson/simulation'
import { createSystem } from 'keelson/system'
import { createProbe, createTestSystem, useSystem, withSystem } from 'keelson/testing'

type Given = never
export type Driver = (given: Given) => unknown

/** The objects that drivers need, in a system of their own. */
export async function makeWorld(folder: string) {
  const system = createTestSystem({ seed: 1 })
  const { GenServer, Supervisor, EventBus, Cache, Agent, TimerService, PartitionSupervisor, RateLimiter, Task } = otp
  const behavior = {
    init: () => 0,
    handleCall: (_: unknown, state: number) => [state, state] as const,
    handleCast: (_: unknown, state: number) => state,
  }
  const child = { id: 'a', start: () => GenServer.start(behavior, { system }) }
  const { effect, ...policies } = effects
  const atrion = new Atrion({ system })
  const root = processes.createRootSupervisor({ system })
  const durable = await openJournal(`${folder}/durable`, { system, durability: 'memory' } as never).catch(() =>
    openJournal(`${folder}/durable`, { system }),
  )
  return {
    system,
    behavior,
    child,
    atrion,
    root,
    durable,
    journal: createJournal({ system }),
    atom: createAtom(1, { system }),
    shared: createSharedAtom('surface', 1, { system }),
    server: await GenServer.start(behavior, { system }),
    agent: await Agent.start(() => 0, { system }),
    bus: await EventBus.start({ system }),
    cache: await Cache.start({ system }),
    sharedCache: await Cache.start({ system, shared: true, name: 'surface' }),
    supervisor: await Supervisor.start({ system }),
    timers: await TimerService.start({ system }),
    limiter: new otp.Limiter({ maxRequests: 1, windowMs: 1, system }),
    rates: await RateLimiter.start({ maxRequests: 1, windowMs: 1, system }),
    ticket: atrion.tryAdmit('tickets'),
    task: otp.Task.async(() => 1, { system }),
    probe: createProbe({ system }),
    lease: await atrion.startTask('leased', { profile: 'LIGHT' }),
    classic: processes.createSupervisor({ system }),
    httpServer: createServer(),
    folder,
    effect,
    policies,
    Task,
    PartitionSupervisor,
    RateLimiter,
  }
}

export type World = Awaited<ReturnType<typeof makeWorld>>

/** The callbacks that must stand beside the misspelt one. */
export const complete: Readonly<Record<string, (world: World) => object>> = {
  GenServerBehavior: ({ behavior }) => ({ ...behavior }),
  StateMachineBehavior: () => ({ init: () => ({ state: 'a', data: 0 }), states: { a: {} } }),
  PersistentBehavior: () => ({
    handleCall: () => ({}),
    handleCast: () => ({}),
    handleInfo: () => ({}),
    terminate() {},
  }),
  ProcessBehavior: () => ({ handle: () => {} }),
  ProcessSpec: () => ({ name: 'spec', init: () => 0, handle: () => 0 }),
  StateProvider: () => new InMemoryProvider(),
  PhysicsObserver: () => ({}),
  JournalSerializer: () => ({ serialize: String, deserialize: String }),
  ProcessJournal: () => ({}),
  RequestLog: () => ({}),
  Admission: () => ({}),
  Policy: () => ({}),
  ForeignPolicy: () => ({}),
  TimerAdapter: () => ({ save: () => {}, load: () => undefined, delete: () => {}, listKeys: () => [] }),
  AuditJournal: () => ({}),
  Closable: () => ({}),
  CancelToken: () => ({}),
  TestHooks: () => ({ beforeEach: () => {}, afterEach: () => {} }),
  Telemetry: () => ({}),
  HttpRateLimitStore: () => ({}),
}

const execute =
  (policy: { execute(task: () => unknown, options: Given): unknown }): Driver =>
  (given) =>
    policy.execute(() => 1, given)

/** Fetches a page that needs no network. */
const fetches =
  (policy: { fetch(input: string, init: object, options: Given): unknown }): Driver =>
  (given) =>
    policy.fetch('data:,page', {}, given)

const registered =
  (plugin: FastifyPluginCallback<never>, more: object = {}): Driver =>
  async (given) => {
    const app = Fastify()
    try {
      await app.register(plugin, { ...more, ...(given as object) } as never)
      await app.ready()
    } finally {
      await app.close()
    }
  }

/** The fields that make a function look into an object, by its type, or by type and name. */
export const around: Readonly<Record<string, (world: World) => object>> = {
  StateMachineBehavior: () => ({ init: () => ({ state: 'a', data: 0 }), states: { a: {} } }),
  CacheDump: () => ({ version: 1, savedAtMs: 0 }),
  PersistOptions: ({ durable }) => ({ journal: durable, stream: 'surface', init: () => 0, apply: () => 0 }),
  'PersistentStartOptions.persist': ({ system }) => ({ system }),
  'SupervisorOptions.childTemplate': () => ({ strategy: 'simple_one_for_one' }),
  ChildSpec: ({ child }) => child,
  TypedChildTemplate: ({ child: { start } }) => ({ start }),
  PartitionSupervisorOptions: ({ child: { start } }) => ({ start }),
  ProcessSpec: () => ({ name: 'spec', init: () => 0, handle: () => 0 }),
  SupervisionStrategy: () => ({ type: 'one-for-one' }),
  LimiterOptions: () => ({ maxRequests: 1, windowMs: 1 }),
  RateLimiterOptions: () => ({ maxRequests: 1, windowMs: 1 }),
}

/** Names that the type lacks but the function knows, because a refusal of its own says more. */
export const alsoKnown: Readonly<Record<string, readonly string[]>> = {
  CacheOptions: ['namespace'],
}

/** By callee and by the type of what it is given. */
export function drivers(world: World): Readonly<Record<string, Readonly<Record<string, Driver>>>> {
  const { system, atom, shared, atrion, journal, durable, bus, cache, sharedCache, behavior, folder } = world
  const {
    effect,
    policies,
    Task,
    classic,
    root,
    server,
    agent,
    supervisor,
    timers,
    lease,
    httpServer,
    ticket,
    task,
    limiter,
    rates,
  } = world
  const persist = () => ({ journal: durable as never, stream: 'surface', init: () => 0, apply: () => 0 })
  const up = (value: number): number => value + 1
  const ok = effect(() => 1)
  const init = (): object => ({ state: 'a', data: 0 })
  const waits = (name: string, clock: { sleep: unknown }): Record<string, Record<string, Driver>> => {
    const on = clock as typeof system.clock
    return {
      [`${name}#sleep`]: { WaitOptions: (given) => on.sleep(1, given) },
      [`${name}#timeout`]: { WaitOptions: (given) => on.timeout(1, given) },
      [`${name}#deadline`]: { WaitOptions: (given) => on.deadline({ wallMs: 1e9 }, given) },
      [`${name}#schedule`]: { ScheduleOptions: (given) => on.schedule(1, () => {}, given) },
    }
  }
  return {
    'atom createAtom': { AtomOptions: (given) => createAtom(1, given) },
    'atom transact': { ChangeOptions: (given) => transact([atom], () => 0, given) },
    'Atom#swap': { ChangeOptions: (given) => atom.swap(up, given) },
    'Atom#update': { ChangeOptions: (given) => atom.update(up, given) },
    'Atom#reset': { ChangeOptions: (given) => atom.reset(7, given) },
    'Atom#set': { ChangeOptions: (given) => atom.set(7, given) },
    'Atom#compareAndSet': { ChangeOptions: (given) => atom.compareAndSet(1, 7, given) },
    'atom createSharedAtom': { SharedAtomOptions: (given) => createSharedAtom('another', 1, given) },
    'SharedAtom#swap': { ChangeOptions: (given) => shared.swap(up, given) },
    'SharedAtom#update': { ChangeOptions: (given) => shared.update(up, given) },
    'SharedAtom#reset': { ChangeOptions: (given) => shared.reset(7, given) },
    'SharedAtom#set': { ChangeOptions: (given) => shared.set(7, given) },
    'SharedAtom#compareAndSet': { ChangeOptions: (given) => shared.compareAndSet(1, 7, given) },
    'SharedAtom#compareAndSetVersion': { ChangeOptions: (given) => shared.compareAndSetVersion(0, 7, given) },
    'SharedAtom#watch': { SharedWatchOptions: (given) => shared.watch(() => {}, given) },
    'SharedAtom#subscribe': { SharedWatchOptions: (given) => shared.subscribe(() => {}, given) },
    'atom sharedCounter': { SharedCounterOptions: (given) => sharedCounter('another', given) },
    'atom sharedFlag': { SharedFlagOptions: (given) => sharedFlag('another', given) },

    'new atrion Atrion': { AtrionOptions: (given) => new Atrion(given) },
    'Atrion#route': {
      Telemetry: (given) => atrion.route('r', given),
      RouteOptions: (given) => atrion.route('r', { latencyMs: 1 }, given),
    },
    'Atrion#setRouteProfile': { WorkloadProfile: (given) => atrion.setRouteProfile('r', given) },
    'Atrion#defineProfile': { WorkloadProfile: (given) => atrion.defineProfile('another', given) },
    'Atrion#startTask': { LeaseOptions: (given) => atrion.startTask('r', given) },
    'TaskLease#heartbeat': { Heartbeat: (given) => lease.heartbeat(given) },
    'Atrion#selectRoute': { SelectOptions: (given) => atrion.selectRoute(['r'], given) },
    'Atrion#admit': { AdmitOptions: (given) => atrion.admit('r', given) },
    'Atrion#tryAdmit': { AdmitOptions: (given) => atrion.tryAdmit('r', given) },
    'Atrion#run': { RunOptions: (given) => atrion.run('r', () => 1, given) },
    'Ticket#done': {
      TicketOutcome: (given) => (ticket as Ticket).done(given),
    },
    'new atrion InMemoryProvider': { InMemoryProviderOptions: (given) => new InMemoryProvider(given) },
    'new atrion RedisStateProvider': {
      RedisStateProviderOptions: (given) => new RedisStateProvider('redis://localhost', given),
    },

    'clock createControlledClock': { ControlledClockOptions: (given) => createControlledClock(given) },
    'clock createSystemClock': { SystemClockOptions: (given) => createSystemClock(given) },
    ...waits('ControlledClock', system.clock),
    ...waits('SystemClock', createSystemClock()),
    ...waits('Clock', createSystemClock()),

    'effect effect': { EffectOptions: (given) => effect(() => 1, given) },
    'effect all': { AllOptions: (given) => effects.all([ok], given) },
    'effect race': { EffectOptions: (given) => effects.race([ok], given) },
    'effect succeed': { EffectOptions: (given) => effects.succeed(1, given) },
    'effect fail': { EffectOptions: (given) => effects.fail(1, given) },
    'effect runEffect': { EffectRunOptions: (given) => effects.runEffect(() => 1, given) },
    'effect createCancelToken': { CancelToken: (given) => effects.createCancelToken(given) },
    'Effect#run': { EffectRunOptions: (given) => ok.run(given) },
    'Effect#unsafeRunPromise': { EffectRunOptions: (given) => ok.unsafeRunPromise(given) },
    'Effect#retry': { RetryPolicy: (given) => ok.retry(given) },
    'Effect#repeat': { RepeatPolicy: (given) => ok.repeat(given) },
    'Effect#schedule': { SchedulePolicy: (given) => ok.schedule(given) },
    'Effect#withPolicy': { ForeignPolicy: (given) => ok.withPolicy(given) },
    'effect admit': {
      Admission: (given) => policies.admit(given, 'r'),
      AdmitPolicyOptions: (given) => policies.admit(atrion, 'r', given),
    },
    'effect retryBudget': { RetryBudgetOptions: (given) => policies.retryBudget(given) },
    'effect bulkhead': { BulkheadOptions: (given) => policies.bulkhead(given) },
    'effect circuitBreaker': { CircuitBreakerOptions: (given) => policies.circuitBreaker(given) },
    'effect fallback': { FallbackOptions: (given) => policies.fallback(1, given) },
    'effect hedge': { HedgeOptions: (given) => policies.hedge(given) },
    'effect rateLimitPolicy': { RateLimitPolicyOptions: (given) => policies.rateLimitPolicy(limiter, given) },
    'effect repeat': { RepeatOptions: (given) => policies.repeat(given) },
    'effect retry': { RetryOptions: (given) => policies.retry(given) },
    'effect timeout': { TimeoutOptions: (given) => policies.timeout(100, given) },
    'effect schedule.constant': {
      '{ readonly times?: number | undefined; }': (given) => policies.schedule.constant(1, given),
    },
    'effect schedule.exponential': { ExponentialOptions: (given) => policies.schedule.exponential(given) },
    'effect keyed': { KeyedOptions: (given) => policies.keyed(() => policies.retry({ system }), given) },
    'effect saga': {
      SagaOptions: (given) => policies.saga([{ name: 'one', run: () => 1 }], given),
      SagaStep: (given) => policies.saga([given]),
    },
    'effect Effect.forEach': { ForEachOptions: (given) => effects.Effect.forEach([1], () => ok, given) },
    'Keyed#execute': {
      ExecuteOptions: (given) => policies.keyed(() => policies.retry({ system })).execute('a', () => 1, given),
    },
    'Keyed#fetch': {
      PolicyFetchOptions: (given) =>
        policies.keyed(() => policies.retry({ system })).fetch('a', 'data:,page', {}, given),
    },
    'Admit#fetch': { PolicyFetchOptions: fetches(policies.admit(atrion, 'r')) },
    'Bulkhead#fetch': { PolicyFetchOptions: fetches(policies.bulkhead({ limit: 1, system })) },
    'CircuitBreaker#fetch': { PolicyFetchOptions: fetches(policies.circuitBreaker({ system })) },
    'Fallback#fetch': { PolicyFetchOptions: fetches(policies.fallback(1, { system })) },
    'Hedge#fetch': { PolicyFetchOptions: fetches(policies.hedge({ afterMs: 1, system })) },
    'Repeat#fetch': { PolicyFetchOptions: fetches(policies.repeat({ times: 1, every: 1, system })) },
    'Retry#fetch': { PolicyFetchOptions: fetches(policies.retry({ system })) },
    'TimeoutPolicy#fetch': { PolicyFetchOptions: fetches(policies.timeout(100, { system })) },
    'Stack#fetch': { PolicyFetchOptions: fetches(policies.wrap(policies.retry({ system }))) },
    'effect wrap': { ForeignPolicy: (given) => policies.wrap(given) },
    'Admit#execute': { ExecuteOptions: execute(policies.admit(atrion, 'r')) },
    'Bulkhead#execute': { ExecuteOptions: execute(policies.bulkhead({ limit: 1, system })) },
    'CircuitBreaker#execute': { ExecuteOptions: execute(policies.circuitBreaker({ consecutive: 1, system } as never)) },
    'Fallback#execute': { ExecuteOptions: execute(policies.fallback(1, { system })) },
    'Hedge#execute': { ExecuteOptions: execute(policies.hedge({ afterMs: 1, system })) },
    'RateLimitPolicy#execute': { ExecuteOptions: execute(policies.rateLimitPolicy(limiter)) },
    'RateLimitPolicy#fetch': { PolicyFetchOptions: fetches(policies.rateLimitPolicy(limiter)) },
    'Repeat#execute': { ExecuteOptions: execute(policies.repeat({ times: 1, every: 1, system } as never)) },
    'Retry#execute': { ExecuteOptions: execute(policies.retry({ system })) },
    'TimeoutPolicy#execute': { ExecuteOptions: execute(policies.timeout(100, { system })) },
    'Stack#execute': { ExecuteOptions: execute(policies.wrap(policies.retry({ system }))) },

    'journal createJournal': { JournalOptions: (given) => createJournal(given) },
    'new journal Journal': { JournalOptions: (given) => new Journal(given) },
    'journal Journal.fromJSON': {
      JournalOptions: (given) => Journal.fromJSON(createJournal({ system }).toJSON() as never, given),
    },
    'Journal#entries': { ReadOptions: (given) => [...journal.entries(given)] },
    'Journal#fold': {
      FoldOptions: (given) => journal.fold((sum: number) => sum, { initial: 0, ...(given as object) }),
    },
    'JournalSnapshot#from': { Omit: (given) => [...journal.getSnapshot().from(0, given)] },
    'journal openJournal': { DurableJournalOptions: (given) => openJournal(`${folder}/another`, given) },
    'DurableJournal#entries': { ReadOptions: (given) => [...durable.entries(given)] },
    'DurableJournal#fold': {
      DurableFoldOptions: async (given) => durable.fold((sum: number) => sum, { initial: 0, ...(given as object) }),
    },
    'DurableJournal#compact': { CompactOptions: async (given) => durable.compact(given) },
    'DurableJournal#saveSnapshot': { SaveSnapshotOptions: async (given) => durable.saveSnapshot(1, given) },
    'DurableJournal#tail': { TailOptions: (given) => durable.tail(given) },
    'DurableJournal#append': { AppendOptions: async (given) => durable.append(1, given) },
    'DurableJournal#appendMany': { AppendOptions: async (given) => durable.appendMany([1], [given]) },
    'DurableJournal#readStream': { ReadStreamOptions: (given) => durable.readStream('a', given) },
    'DurableJournal#streams': { StreamsOptions: (given) => durable.streams(given) },
    'DurableJournal#consumer': {
      ConsumerOptions: (given) => durable.consumer('a', () => {}, given),
    },
    'journal createProjection': {
      ProjectionOptions: (given) =>
        createProjection({ journal: durable, name: 'a', init: () => 0, apply: () => 0, ...(given as object) }),
    },

    'otp GenServer.start': {
      GenServerBehavior: (given) => otp.GenServer.start(given, { system }),
      StartOptions: (given) => otp.GenServer.start(behavior, given),
      PersistentBehavior: (given) => otp.GenServer.start(given, { system, persist: persist() }),
      PersistentStartOptions: (given) => otp.GenServer.start({}, { system, persist: persist(), ...(given as object) }),
    },
    'otp StateMachine.start': {
      StateMachineBehavior: (given) => otp.StateMachine.start(given, { system }),
      StateMachineOptions: (given) => otp.StateMachine.start({ init, states: { a: {} } } as never, given),
    },
    'otp GenServer.call': { CallOptions: (given) => otp.GenServer.call(server, 1, given) },
    'otp Agent.start': { StartOptions: (given) => otp.Agent.start(() => 0, given) },
    'otp Agent.get': { CallOptions: (given) => otp.Agent.get(agent, up, given) },
    'otp Agent.update': { CallOptions: (given) => otp.Agent.update(agent, up, given) },
    'otp Agent.getAndUpdate': { CallOptions: (given) => otp.Agent.getAndUpdate(agent, (n) => [n, n] as never, given) },
    'otp Cache.start': {
      CacheOptions: (given) => otp.Cache.start(given),
      SharedCacheOptions: (given) => otp.Cache.start({ shared: true, name: 'another', ...(given as object) } as never),
    },
    'otp Cache.set': { CacheSetOptions: (given) => otp.Cache.set(cache, 'a', 1, given) },
    'otp Cache.getOrSet': { CacheLoadOptions: (given) => otp.Cache.getOrSet(cache, 'a', () => 1, given) },
    'otp Cache.setMany': { CacheSetOptions: (given) => otp.Cache.setMany(cache, [['a', 1]], given) },
    'otp Cache.load': { CacheDump: (given) => otp.Cache.load(cache, given) },
    'otp Cache.memoize': {
      CacheMemoizeOwnOptions: (given) => otp.Cache.memoize(() => 1, given),
      CacheMemoizeSharedOptions: (given) => otp.Cache.memoize(() => 1, { cache, ...(given as object) }),
    },
    'CacheHandle#setMany': { CacheSetOptions: (given) => otp.Cache.handle(cache).setMany([['a', 1]], given) },
    'CacheHandle#load': { CacheDump: (given) => otp.Cache.handle(cache).load(given) },
    'SharedCacheHandle#setMany': {
      CacheSetOptions: (given) => otp.Cache.handle(sharedCache).setMany([['a', 1]], given),
    },
    'SharedCacheHandle#load': { CacheDump: (given) => otp.Cache.handle(sharedCache).load(given) },
    'CacheHandle#set': { CacheSetOptions: (given) => otp.Cache.handle(cache).set('a', 1, given) },
    'CacheHandle#getOrSet': { CacheLoadOptions: (given) => otp.Cache.handle(cache).getOrSet('a', () => 1, given) },
    'SharedCacheHandle#set': { CacheSetOptions: (given) => otp.Cache.handle(sharedCache).set('a', 1, given) },
    'SharedCacheHandle#getOrSet': {
      CacheLoadOptions: (given) => otp.Cache.handle(sharedCache).getOrSet('a', () => 1, given),
    },
    'otp EventBus.start': { EventBusOptions: (given) => otp.EventBus.start(given) },
    'otp EventBus.subscribe': { SubscribeOptions: (given) => otp.EventBus.subscribe(bus, 'a', () => {}, given) },
    'otp EventBus.once': { Omit: (given) => otp.EventBus.once(bus, 'a', () => {}, given) },
    'otp EventBus.next': { NextOptions: (given) => otp.EventBus.next(bus, 'a', given) },
    'otp EventBus.events': { EventsOptions: (given) => otp.EventBus.events(bus, 'a', given) },
    'otp EventBus.publishSync': { CallOptions: (given) => otp.EventBus.publishSync(bus, 'a', 1, given) },
    'otp Supervisor.start': { SupervisorOptions: (given) => otp.Supervisor.start(given) },
    'otp Supervisor.startChild': { ChildSpec: (given) => otp.Supervisor.startChild(supervisor, given) },
    'otp Observer.configure': { ObserverSettings: (given) => otp.Observer.configure(given, system) },
    'otp Observer.getState': { GetStateOptions: (given) => otp.Observer.getState(server, given) },
    'otp Observer.top': { TopOptions: (given) => otp.Observer.top(given, system) },
    'otp AlertManager.configure': { Partial: (given) => otp.AlertManager.configure(given, system) },
    'otp PartitionSupervisor.start': {
      PartitionSupervisorOptions: (given) => otp.PartitionSupervisor.start(given),
    },
    'new otp Limiter': { LimiterOptions: (given) => new otp.Limiter(given) },
    'Limiter#wait': { LimiterWaitOptions: (given) => limiter.wait('a', given) },
    'LimiterUnion#wait': { LimiterWaitOptions: (given) => otp.Limiter.union([limiter]).wait('a', given) },
    'otp RateLimiter.wait': { LimiterWaitOptions: (given) => otp.RateLimiter.wait(rates, 'a', given) },
    'otp RateLimiter.start': { RateLimiterOptions: (given) => otp.RateLimiter.start(given) },
    'new otp RegistryInstance': { RegistryOptions: (given) => new otp.RegistryInstance(given) },
    'otp Registry.create': { RegistryOptions: (given) => otp.Registry.create(given) },
    'otp Task.async': { TaskOptions: (given) => Task.async(() => 1, given) },
    'otp Task.start': { TaskOptions: (given) => Task.start(() => 1, given) },
    'otp Task.await': { AwaitOptions: (given) => Task.await(task, given) },
    'otp Task.awaitAll': { AwaitOptions: (given) => Task.awaitAll([task], given) },
    'otp Task.asyncStream': { StreamOptions: (given) => Task.asyncStream([1], up, given) },
    'otp Task.asyncStreamSettled': { StreamOptions: (given) => Task.asyncStreamSettled([1], up, given) },
    'otp TimerService.start': { TimerServiceOptions: (given) => otp.TimerService.start(given) },
    'otp TimerService.schedule': {
      ScheduleTimerOptions: (given) => otp.TimerService.schedule(timers, 'target', 1, 10, given),
    },

    'process createProcess': {
      ProcessBehavior: (given) => processes.createProcess(given),
      ClassicOptions: (given) => processes.createProcess({ handle: () => {} }, given),
    },
    'process createSupervisor': { ClassicSupervisorOptions: (given) => processes.createSupervisor(given) },
    'ClassicSupervisor#spawn': { ProcessBehavior: (given) => classic.spawn(given) },
    'process createRootSupervisor': { RootSupervisorOptions: (given) => processes.createRootSupervisor(given) },
    'RootSupervisor#spawn': { ProcessSpec: (given) => root.spawn(given, undefined as never) },
    'process spawn': { ProcessSpec: (given) => processes.spawn(given, undefined, system.clock) },
    'new process Supervisor': {
      SupervisionStrategy: (given) => new processes.Supervisor(given, system.clock as never, undefined as never),
    },

    'system createSystem': { SystemOptions: (given) => createSystem(given) },
    'ControlledClock#runUntilIdle': { RunUntilIdleOptions: (given) => system.clock.runUntilIdle(given) },
    'System#audit': { AuditJournal: (given) => system.audit(given) },
    'TestSystem#audit': { AuditJournal: (given) => system.audit(given) },
    'Atrion#observe': { PhysicsObserver: (given) => atrion.observe(given) },
    'System#own': { Closable: (given) => system.own(given) },
    'TestSystem#own': { Closable: (given) => system.own(given) },
    'observe observe': {
      ObserveOptions: (given) => observe(system, given),
    },
    'prometheus metricsHandler': {
      MetricsOptions: (given) => metricsHandler(system, given),
    },
    'simulation explore': { SimulationOptions: (given) => explore(() => {}, given) },
    'simulation linearizable': {
      SequentialModel: (given) => linearizable(given),
      LinearizabilityOptions: (given) => linearizable({ init: () => 0, apply: () => [0, 0] }, given),
    },
    'simulation simulate': { SimulationOptions: (given) => simulate(given, () => {}) },
    'fast-check simulation': { SimulatedRunOptions: (given) => simulation(given) },
    'fast-check simulationFor': { GivenRunOptions: (given) => simulationFor([], given) },
    'testing createProbe': { ProbeOptions: (given) => createProbe(given) },
    'Probe#expectMessage': { ExpectOptions: (given) => world.probe.expectMessage('a', given) },
    'testing createTestSystem': { TestSystemOptions: (given) => createTestSystem(given) },
    'testing useSystem': {
      TestHooks: (given) => useSystem(given),
      TestSystemOptions: (given) => useSystem({ beforeEach: () => {}, afterEach: () => {} }, given),
    },
    'testing withSystem': { TestSystemOptions: (given) => withSystem(() => {}, given) },

    'express priorityFromHeader': { TierOptions: (given) => express.priorityFromHeader(given) },
    'express admission': { AdmissionOptions: (given) => express.admission(given) },
    'express gracefulShutdown': { ShutdownOptions: (given) => express.gracefulShutdown(httpServer, given) },
    'express rateLimit': { RateLimitOptions: (given) => express.rateLimit(given) },
    'express requestJournal': {
      RequestLog: (given) => express.requestJournal(given),
      RequestJournalOptions: (given) => express.requestJournal(journal, given),
    },
    'express redisRateLimitStore': {
      RedisRateLimitStoreOptions: (given) => express.redisRateLimitStore('redis://localhost', given),
    },
    'new dashboard Dashboard': { DashboardOptions: (given) => new Dashboard(given) },
    'new express RateLimitStore': { RateLimitStoreOptions: (given) => new express.RateLimitStore(given) },
    'fastify priorityFromHeader': { TierOptions: (given) => fastify.priorityFromHeader(given) },
    'fastify admission': { AdmissionOptions: registered(fastify.admission as never) },
    'fastify admissionHook': { AdmissionOptions: (given) => fastify.admissionHook(given) },
    'fastify gracefulShutdown': { ShutdownOptions: (given) => fastify.gracefulShutdown(Fastify(), given) },
    'fastify shutdown': { ShutdownOptions: registered(fastify.shutdown as never) },
    'fastify rateLimit': { RateLimitOptions: registered(fastify.rateLimit as never) },
    'fastify redisRateLimitStore': {
      RedisRateLimitStoreOptions: (given) => fastify.redisRateLimitStore('redis://localhost', given),
    },
    'fastify rateLimitHook': { RateLimitOptions: (given) => fastify.rateLimitHook(given) },
    'fastify requestJournal': {
      RequestJournalOptions: registered(fastify.requestJournal as never, { journal }),
    },
    'koa priorityFromHeader': { TierOptions: (given) => koa.priorityFromHeader(given) },
    'koa admission': { AdmissionOptions: (given) => koa.admission(given) },
    'koa gracefulShutdown': { ShutdownOptions: (given) => koa.gracefulShutdown(httpServer, given) },
    'koa redisRateLimitStore': {
      RedisRateLimitStoreOptions: (given) => koa.redisRateLimitStore('redis://localhost', given),
    },
    'koa rateLimit': { RateLimitOptions: (given) => koa.rateLimit(given) },
    'koa requestJournal': {
      RequestLog: (given) => koa.requestJournal(given),
      RequestJournalOptions: (given) => koa.requestJournal(journal, given),
    },
    'opentelemetry instrument': {
      InstrumentOptions: (given) => instrument(system, given).close(),
    },
    'fetch priorityFromHeader': { TierOptions: (given) => fetchStyle.priorityFromHeader(given) },
    'fetch admission': { AdmissionOptions: (given) => fetchStyle.admission(given) },
    'fetch gracefulShutdown': { ShutdownOptions: (given) => fetchStyle.gracefulShutdown(httpServer, given) },
    'fetch redisRateLimitStore': {
      RedisRateLimitStoreOptions: (given) => fetchStyle.redisRateLimitStore('redis://localhost', given),
    },
    'fetch rateLimit': { RateLimitOptions: (given) => fetchStyle.rateLimit(given) },
    'fetch requestJournal': {
      RequestLog: (given) => fetchStyle.requestJournal(given),
      RequestJournalOptions: (given) => fetchStyle.requestJournal(journal, given),
    },
  }
}
