/** Objects that factories return are instances of exported classes, which only the factories can make. */
import { createAtom, createSharedAtom } from 'keelson/atom'
import * as atoms from 'keelson/atom'
import { Atrion, TaskLease, Ticket } from 'keelson/atrion'
import * as clocks from 'keelson/clock'
import { createJournal, DurableJournal, Journal, openJournal } from 'keelson/journal'
import { createSystem, isClosedError, isPrivateConstructorError } from 'keelson'
import { ActorRuntime, Agent } from 'keelson/otp'
import { expect, it } from 'vitest'

import { thrown } from '../support/rejection.ts'
import { tempDirectory } from '../support/temp-directory.ts'

it('what a factory returns is an instance of its class', async () => {
  const clock = clocks.createControlledClock()
  const system = createSystem({ clock })
  const atrion = new Atrion({ system })
  const shared = createSharedAtom('classes', 1, { system })
  const durable = await openJournal(tempDirectory(), { system })
  const ticket = atrion.tryAdmit('route')
  const lease = await atrion.startTask('task', { profile: 'LIGHT' })
  expect(clock).toBeInstanceOf(clocks.ControlledClock)
  expect(createAtom(0)).toBeInstanceOf(atoms.Atom)
  expect(createAtom(0, { warnOnLostUpdate: true })).toBeInstanceOf(atoms.Atom)
  expect(shared).toBeInstanceOf(atoms.SharedAtom)
  expect(new Journal()).toBeInstanceOf(Journal)
  expect(createJournal()).toBeInstanceOf(Journal)
  expect(durable).toBeInstanceOf(DurableJournal)
  expect(ticket).toBeInstanceOf(Ticket)
  expect(lease).toBeInstanceOf(TaskLease)
  expect(await atrion.admit('route')).toBeInstanceOf(Ticket)
  const runtime = ActorRuntime.of(system)
  expect(runtime).toBeInstanceOf(ActorRuntime)
  expect(ActorRuntime.of(system)).toBe(runtime)
  expect([runtime.clock, runtime.processCount]).toEqual([clock, 0])
  await Agent.start(() => 0, { system })
  expect(runtime.processCount).toBe(1)
  const host = clocks.createSystemClock()
  expect(host).toBeInstanceOf(clocks.SystemClock)
  expect(host).not.toBeInstanceOf(clocks.ControlledClock)
  host.close()
  lease.release()
  await durable.close()
  await system.close()
  expect(runtime.processCount).toBe(0)
  expect(isClosedError(thrown(() => ActorRuntime.of(system)))).toBe(true)
  expect(thrown(() => ActorRuntime.of(5 as never))).toMatchObject({ field: 'system' })
})

const closed: [string, string, new (...args: never[]) => unknown][] = [
  ['Atom', 'createAtom()', atoms.Atom as never],
  ['SharedAtom', 'createSharedAtom()', atoms.SharedAtom as never],
  ['ControlledClock', 'createControlledClock()', clocks.ControlledClock as never],
  ['SystemClock', 'createSystemClock()', clocks.SystemClock as never],
  ['DurableJournal', 'openJournal()', DurableJournal as never],
  ['Ticket', 'Atrion.admit() or Atrion.tryAdmit()', Ticket as never],
  ['ActorRuntime', 'ActorRuntime.of()', ActorRuntime as never],
  ['TaskLease', 'Atrion.startTask()', TaskLease as never],
]

it.each(closed)('%s has no public constructor, and names %s', (name, factory, type) => {
  const error = thrown(() => new type())
  expect(isPrivateConstructorError(error)).toBe(true)
  expect(error).toMatchObject({
    code: 'KEELSON_PRIVATE_CONSTRUCTOR',
    factory,
    message: `${name} has no public constructor: call ${factory}`,
  })
  expect(isPrivateConstructorError(thrown(() => Reflect.construct(type, [])))).toBe(true)
})
