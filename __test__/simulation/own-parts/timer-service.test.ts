/** Timer services under targets that crash, clocks that are wrong, and cancels at the last moment. */
import { GenServer, type GenServerRef, Supervisor, TimerService } from 'keelson/otp'
import { describe } from 'vitest'

import { expectEqual } from '../races/tools.ts'
import { ENDLESS, isRunning, part } from './part.ts'

describe('a timer service', () => {
  part('delivers each message once, at its time or later, and none that was cancelled', async (sim) => {
    const system = sim.system('a')
    const { clock } = system
    const due = new Map<number, number>()
    const delivered: number[] = []
    const target = await GenServer.start(
      {
        init: () => 0,
        handleCast: (message: number, state: number) => {
          if (clock.monoMs() < (due.get(message) ?? Infinity)) throw new Error(`${message} came too soon`)
          delivered.push(message)
          return state
        },
      } as never,
      { system },
    )
    const timers = await TimerService.start({ system })
    const cancelled = new Set<number>()
    for (let message = 0; message < 6; message++) {
      const delay = sim.choose(20, 'delay')
      due.set(message, clock.monoMs() + delay)
      const id = await TimerService.schedule(timers, target as never, message as never, delay)
      if (sim.choose(3, 'cancel it') !== 2) continue
      await sim.clock.sleep(sim.choose(20, 'when it is cancelled'))
      if (await TimerService.cancel(timers, id)) cancelled.add(message)
    }
    await sim.settle({ heal: true })
    const expected = [0, 1, 2, 3, 4, 5].filter((message) => !cancelled.has(message))
    expectEqual('the messages', delivered.toSorted((a, b) => a - b).join(), expected.join())
    const order = delivered.map((message) => due.get(message) as number)
    expectEqual('their order', order.join(), order.toSorted((a, b) => a - b).join())
  })

  part('finds the process that has the name when a timer fires, and tries again while there is none', async (sim) => {
    const system = sim.system('a')
    const delivered: number[] = []
    const start = async (): Promise<GenServerRef> =>
      (await GenServer.start(
        {
          init: () => 0,
          handleCast: (message: number, state: number) => {
            delivered.push(message)
            return state
          },
        } as never,
        { system, name: 'mailer' },
      )) as unknown as GenServerRef
    await Supervisor.start({
      system,
      restartIntensity: ENDLESS,
      children: [{ id: 'mailer', start, backoff: { initialMs: 10, maxMs: 50 } }],
    })
    const timers = await TimerService.start({ system, retryMs: 20 })
    for (let message = 0; message < 4; message++) {
      await TimerService.schedule(timers, 'mailer', message as never, sim.choose(50, 'delay'))
    }
    await sim.settle({ heal: true, within: 600_000 })
    // A message that was in the mailbox when the process crashed is gone; none comes twice.
    expectEqual('messages that came twice', delivered.length - new Set(delivered).size, 0)
    expectEqual('timers that are left', (await TimerService.getAll(timers)).length, 0)
  })

  part('replaces a timer of the same id, also at the moment at which that is due', async (sim) => {
    const system = sim.system('a')
    const delivered: string[] = []
    const target = await GenServer.start(
      {
        init: () => 0,
        handleCast: (message: string, state: number) => {
          delivered.push(message)
          return state
        },
      } as never,
      { system },
    )
    const timers = await TimerService.start({ system })
    await TimerService.schedule(timers, target as never, 'first' as never, 10, { id: 'daily' })
    await system.clock.sleep(sim.choose(15, 'when it is replaced'))
    const isThere = (await TimerService.get(timers, 'daily')) !== undefined
    const cameBefore = delivered.includes('first')
    await TimerService.schedule(timers, target as never, 'second' as never, 10, { id: 'daily' })
    await sim.settle({ heal: true })
    if (isThere && !cameBefore && !delivered.includes('first')) expectEqual('the messages', delivered.join(), 'second')
    else expectEqual('the messages', delivered.join(), 'first,second')
  })

  part('repeats at its cadence, and skips what it missed', async (sim) => {
    const system = sim.system('a')
    let count = 0
    const target = await GenServer.start(
      { init: () => 0, handleCast: (_: unknown, state: number) => (count++, state) } as never,
      { system },
    )
    const timers = await TimerService.start({ system })
    const id = await TimerService.schedule(timers, target as never, 'tick' as never, 10, { repeat: 10 })
    await sim.clock.sleep(205)
    await TimerService.cancel(timers, id)
    const last = count
    await sim.settle({ heal: true })
    // Its clock may be too fast by a tenth.
    if (last > 23) throw new Error(`${last} ticks in 205 ms`)
    expectEqual('ticks after the cancel', count - last <= 1, true)
    await TimerService.stop(timers)
    expectEqual('whether it runs', isRunning(timers), false)
  })
})
