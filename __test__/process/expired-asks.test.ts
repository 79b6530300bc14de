/** Asks whose time passes while they wait behind a handler. Found by random programs, see `model/run.ts`. */
import { isTimeoutError } from 'keelson/process'
import { expect, it } from 'vitest'

import { useWorld } from '../support/processes.ts'
import { rejection } from '../support/rejection.ts'

const world = useWorld()

it('asks that expire in the queue do not keep a process from ending', async () => {
  const { supervisor, clock } = world()
  const begun: number[] = []
  const handler = supervisor.spawn(
    {
      name: 'request-handler',
      init: () => 0,
      handle: async (state: number, { n, reply }) => {
        begun.push(n)
        await clock.sleep(150)
        reply(n)
        return state + 1
      },
    },
    {},
  )
  const stopped: string[] = []
  const database = supervisor.spawn(
    { name: 'database', init: () => 0, handle: (state: number) => state, onStop: () => void stopped.push('database') },
    {},
  )
  const asks = Array.from({ length: 45 }, (_, n) => rejection(handler.ask((reply) => ({ n, reply }), 5000 as never)))
  await clock.advance(10_000)
  const outcomes = await Promise.all(asks)
  expect(outcomes.filter(isTimeoutError)).toHaveLength(45 - begun.length + 1)
  // One that was not begun in time never is.
  expect(begun).toEqual(Array.from({ length: begun.length }, (_, n) => n))
  const end = supervisor.stop().then(() => 'stopped')
  await clock.advance(150)
  expect(await end).toBe('stopped')
  expect([handler.status(), database.status(), ...stopped]).toEqual(['stopped', 'stopped', 'database'])
  expect(clock.getPendingTimerCount()).toBe(0)
})

it('a process whose last message was taken back ends when it is stopped, and handles what comes before', async () => {
  const { supervisor, clock } = world()
  const handled: string[] = []
  const unit = supervisor.spawn(
    {
      name: 'a',
      init: () => 0,
      handle: async (state: number, { what }) => {
        handled.push(what)
        await clock.sleep(20)
        return state
      },
    },
    {},
  )
  unit.send({ what: 'first' })
  const late = rejection(unit.ask(() => ({ what: 'never' }), 5 as never))
  await clock.advance(50)
  expect(isTimeoutError(await late)).toBe(true)
  unit.send({ what: 'last' })
  await clock.advance(50)
  await unit.stop()
  expect(handled).toEqual(['first', 'last'])
})
