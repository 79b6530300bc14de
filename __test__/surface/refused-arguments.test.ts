/** Faults that random junk found: a raw TypeError from inside, where an error must name the field. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createAtom, createSharedAtom } from 'keelson/atom'
import { Atrion, InMemoryProvider, RedisStateProvider } from 'keelson/atrion'
import { createControlledClock } from 'keelson/clock'
import * as effects from 'keelson/effect'
import { admission, ipKeyGenerator, RateLimitStore, requestJournal } from 'keelson/express'
import { createJournal, openJournal } from 'keelson/journal'
import { Agent, GenServer, Registry, RegistryInstance, Task } from 'keelson/otp'
import { createSupervisor, ProcessIdImpl } from 'keelson/process'
import { createSystem } from 'keelson/system'
import { createTestSystem } from 'keelson/testing'
import { afterAll, describe, expect, test } from 'vitest'

const system = createTestSystem()
afterAll(() => system.close())

const revoked = (): never => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy as never
}
const none = undefined as never
const five = 5 as never

async function refused(call: () => unknown, field: string): Promise<void> {
  await expect(Promise.resolve().then(call)).rejects.toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
}

describe('an argument that is missing, or of another kind, is named', () => {
  test.each<[string, () => unknown, string]>([
    ['random.pick', () => system.random.pick(none), 'items'],
    ['random.shuffle', () => system.random.shuffle(five), 'items'],
    ['retryBudget().withdraw', () => effects.retryBudget().withdraw(Symbol('now') as never), 'now'],
    ['InMemoryProvider.exchange', () => new InMemoryProvider().exchange(none), 'offers'],
    ['InMemoryProvider.exchange, of an offer', () => new InMemoryProvider().exchange([none]), 'offers[0]'],
    ['RateLimitStore.init', () => new RateLimitStore().init(none), 'options'],
    ['RateLimitStore.resetKey', () => new RateLimitStore().resetKey(none), 'key'],
    ['ipKeyGenerator', () => ipKeyGenerator(none), 'ip'],
    ['new ContextImpl', () => new effects.ContextImpl(five), 'values'],
    ['run, of a context that is none', () => effects.succeed(1).run({ get: 1, values: 1 } as never), 'options.get'],
    ['new RegistryInstance', () => Reflect.construct(RegistryInstance, [{ name: 5 }]), 'options.name'],
    ['new RegistryInstance', () => Reflect.construct(RegistryInstance, ['a', 'unique']), 'options'],
    ['system.own', () => createSystem().own(none), 'part.close'],
    [
      'GenServer.call of an agent',
      async () => GenServer.call(await Agent.start(() => 0, { system }), 5 as never),
      'message',
    ],
  ])('%s', async (_, call, field) => refused(call, field))

  test('appendMany of a journal on disk', async () => {
    const folder = mkdtempSync(`${tmpdir()}/keelson-refused-`)
    const journal = await openJournal(folder, { system })
    await refused(() => journal.appendMany(five), 'datas')
    expect(journal.size()).toBe(0)
    await journal.close()
    rmSync(folder, { recursive: true })
  })

  test('an id is not equal to what is none', () => {
    const id = new ProcessIdImpl('a')
    expect([id.equals(none), id.equals(five), id.equals(revoked())]).toEqual([false, false, false])
  })
})

describe('of a revoked proxy nothing can be asked, so it is refused by name', () => {
  const { bulkhead, wrap, admit, createContext, createCancelToken, all, effect } = effects
  test.each<[string, () => unknown, string]>([
    ['options', () => createAtom(1, {} as never, revoked()), 'options'],
    ['options of a clock', () => createControlledClock(revoked()), 'options'],
    ['a system', () => Registry.count(revoked()), 'options.system'],
    ['a clock', () => createJournal({ clock: revoked() }), 'options.clock'],
    ['a signal', () => system.clock.sleep(1, { signal: revoked() }), 'options.signal'],
    ['a point in time', () => system.clock.deadline(revoked()), 'target.wallMs'],
    ['telemetry', () => new Atrion({ system }).route('r', revoked()), 'telemetry'],
    ['constants', () => new Atrion({ system, admission: revoked() }), 'options.admission'],
    ['a provider', () => new Atrion({ system, provider: revoked() }), 'options.provider'],
    ['a client', () => new RedisStateProvider(revoked()), 'clientOrUrl'],
    ['a behaviour', () => GenServer.start(revoked(), { system }), 'behavior'],
    ['a timer', () => GenServer.cancelTimer(revoked()), 'ref'],
    ['a process', () => createSupervisor({ system }).supervise(revoked(), 'restart'), 'process'],
    ['a list of tasks', () => Task.awaitAll(revoked()), 'tasks'],
    ['a list of effects', () => all(revoked()), 'effects'],
    ['options of a run', () => effect(() => 1).run(revoked()), 'options'],
    ['values', () => createContext(revoked()), 'values'],
    ['a token', () => createCancelToken(revoked()), 'parent.onCancel'],
    ['a policy', () => wrap(bulkhead({ limit: 1 }), revoked()), 'policies[1]'],
    ['an admission', () => admit(revoked(), 'r'), 'admission'],
    ['an Atrion', () => admission({ atrion: revoked() }), 'options.atrion'],
    ['a log', () => requestJournal(revoked()), 'journal'],
  ])('%s', async (_, call, field) => refused(call, field))

  test('and as a value it is no plain data', () => {
    const atom = createSharedAtom<unknown>('refused', 1, { system })
    const value = { a: [revoked()] }
    const error = { code: 'KEELSON_NOT_PLAIN', path: 'value.a[0]', reason: 'a revoked proxy' }
    expect(() => atom.reset(value)).toThrow(expect.objectContaining(error))
    expect(atom.deref()).toBe(1)
    atom.close()
  })
})
