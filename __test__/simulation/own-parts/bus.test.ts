/** Buses whose publishers, subscribers and messages come and go at once. */
import { EventBus, GenServer, type GenServerRef, Supervisor } from 'keelson/otp'
import { describe } from 'vitest'

import { ask, expectEqual, startClient, startServer } from '../races/tools.ts'
import { ENDLESS, part } from './part.ts'

describe('a bus', () => {
  part('delivers the messages of each publisher in order, once', async (sim) => {
    const system = sim.system('a')
    const bus = await EventBus.start({ system })
    const seen: string[] = []
    await EventBus.subscribe(bus as never, 'news.*', (message: unknown) => void seen.push(String(message)))
    const publishers = await Promise.all(
      ['p', 'q'].map((name) =>
        startServer(
          sim.system(name),
          () => ({ next: 0 }),
          (_, state) => {
            EventBus.publish(bus as never, `news.${name}`, `${name}${state.next++}` as never)
          },
        ),
      ),
    )
    const calls = publishers.flatMap((publisher) => [1, 2, 3].map(() => ask(publisher, { type: 'go' }, Infinity)))
    await Promise.all(calls)
    await sim.settle({ heal: true })
    for (const name of ['p', 'q']) {
      expectEqual(
        `what came from ${name}`,
        seen.filter((each) => each.startsWith(name)).join(),
        `${name}0,${name}1,${name}2`,
      )
    }
  })

  part(
    'gives a message to those that are subscribed when it is published, and to nobody after its end',
    async (sim) => {
      const system = sim.system('a')
      const bus = await EventBus.start({ system })
      let published = 0
      const subscribers = await Promise.all(
        ['s', 't'].map((name) =>
          startClient(sim, name, async () => {
            const { clock } = sim.system(name)
            await clock.sleep(sim.choose(6, 'when it subscribes'))
            const seen: number[] = []
            let isOver = false
            const first = published
            const end = await EventBus.subscribe(bus as never, 'tick', (message: unknown) => {
              if (isOver) throw new Error('a message came after the subscription had ended')
              seen.push(message as number)
            })
            const from = published
            await clock.sleep(sim.choose(6, 'how long it stays'))
            const to = published
            isOver = true
            end()
            const expected = Array.from({ length: seen.length }, (_, place) => (seen[0] ?? 0) + place)
            expectEqual('what it saw in a row', seen.join(), expected.join())
            // The publisher waits for each message to be delivered, so only the last one may be under way.
            const least = to - 1 - from
            const isWrong = seen.length > 0 && ((seen[0] as number) < first || (seen[0] as number) > from)
            if (seen.length < least || isWrong) throw new Error(`it saw "${seen.join()}" of ${first}, ${from} to ${to}`)
          }),
        ),
      )
      const publisher = await startClient(sim, 'publisher', async () => {
        for (let message = 0; message < 6; message++) {
          published = message + 1
          await EventBus.publishSync(bus as never, 'tick', message as never, { timeout: Infinity })
          await sim.system('publisher').clock.sleep(1)
        }
      })
      await Promise.all([...subscribers, publisher].map((each) => ask(each, { type: 'go' }, Infinity)))
      await sim.settle({ heal: true })
      expectEqual('the subscriptions left', await EventBus.getSubscriptionCount(bus as never), 0)
    },
  )

  part('keeps no subscription of a process that has ended', async (sim) => {
    const system = sim.system('a')
    const bus = await EventBus.start({ system })
    const start = async (): Promise<GenServerRef> => {
      const ref = await startServer(
        system,
        () => ({}),
        () => true,
      )
      await EventBus.subscribe(bus as never, 'news', ref as never)
      return ref
    }
    await Supervisor.start({ system, restartIntensity: ENDLESS, children: ['x', 'y'].map((id) => ({ id, start })) })
    for (let turn = 0; turn < 4; turn++) {
      await EventBus.publishSync(bus as never, 'news', turn as never, { timeout: Infinity })
      await sim.clock.sleep(sim.choose(5, 'how long it waits'))
    }
    await sim.settle({ heal: true })
    expectEqual('the subscriptions', await EventBus.getSubscriptionCount(bus as never), 2)
  })

  part('that is stopped has delivered what was published before', async (sim) => {
    const system = sim.system('a')
    const bus = await EventBus.start({ system })
    let seen = 0
    await EventBus.subscribe(bus as never, '**', () => void seen++)
    let published = 0
    const publisher = await startClient(sim, 'publisher', async () => {
      for (let message = 0; message < 5; message++) {
        EventBus.publish(bus as never, 'news', message as never)
        published++
        await sim.system('publisher').clock.sleep(1)
      }
    })
    const all = ask(publisher, { type: 'go' }, Infinity).catch(() => undefined)
    await sim.clock.sleep(sim.choose(6, 'when it stops'))
    await EventBus.stop(bus as never)
    const delivered = seen
    await all
    await sim.settle({ heal: true })
    expectEqual('deliveries after its end', seen, delivered)
    expectEqual('messages that were lost', GenServer.isRunning(bus as never) || delivered > published, false)
  })
})
