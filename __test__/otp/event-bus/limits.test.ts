import * as fc from 'fast-check'
import { createSystem, EventBus, type EventBusRef } from 'keelson'
import { beforeEach, describe, expect, it } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
let bus: EventBusRef
const nothing = (): void => undefined

beforeEach(async () => {
  bus = await EventBus.start({ system: stage.system })
})

describe('bad input is refused by name, and changes nothing', () => {
  const megabyte = 'x'.repeat(2 ** 20)
  const wrong: [string, unknown][] = [
    ['a megabyte', megabyte],
    ['more than 65 536 bytes in fewer characters', 'é'.repeat(40_000)],
    ['100 000 segments', '.'.repeat(99_999)],
    ['257 segments', '.'.repeat(256)],
    ['a lone surrogate', 'a\ud800'],
    ['a number', 5],
    ['nothing', undefined],
    ['null', null],
    ['an object', { toString: () => 'a' }],
    ['a String', new String('a')],
  ]

  it.each(wrong)('%s as a topic or a pattern', async (_, text) => {
    const given = text as string
    const code = 'KEELSON_INVALID_ARGUMENT'
    const topic = expect.objectContaining({ code, field: 'topic' })
    const pattern = expect.objectContaining({ code, field: 'pattern' })
    expect(() => EventBus.publish(bus, given, 1)).toThrow(topic)
    expect(() => EventBus.events(bus, given)).toThrow(pattern)
    expect(await rejection(EventBus.publishSync(bus, given, 1))).toEqual(topic)
    expect(await rejection(EventBus.getSubscriberCount(bus, given))).toEqual(topic)
    expect(await rejection(EventBus.subscribe(bus, given, nothing))).toEqual(pattern)
    expect(await rejection(EventBus.next(bus, given))).toEqual(pattern)
    expect(await EventBus.getStats(bus)).toMatchObject({ subscriptions: 0, published: 0 })
  })

  it('and what is at a limit is taken', async () => {
    for (const text of ['x'.repeat(65_536), '.'.repeat(255), 'é'.repeat(32_768)]) {
      await EventBus.subscribe(bus, text, nothing)
      expect(await EventBus.getSubscriberCount(bus, text)).toBe(1)
    }
  })

  it('options, handlers, refs', async () => {
    const refused = async (promise: Promise<unknown>, field: string): Promise<void> => {
      expect(await rejection(promise)).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
    }
    await refused(EventBus.start({ nmae: 'x' } as never), 'options.nmae')
    await refused(EventBus.start({ maxMailbox: 0 }), 'options.maxMailbox')
    await refused(EventBus.subscribe(bus, 'a', nothing, { onec: true } as never), 'options.onec')
    await refused(EventBus.subscribe(bus, 'a', nothing, { once: 1 } as never), 'options.once')
    await refused(EventBus.subscribe(bus, 'a', nothing, { signal: {} } as never), 'options.signal')
    await refused(EventBus.subscribe(bus, 'a', nothing, { owner: {} } as never), 'options.owner')
    await refused(EventBus.once(bus, 'a', 5 as never), 'handler')
    await refused(EventBus.next(bus, 'a', { timeout: -1 }), 'options.timeout')
    await refused(EventBus.publishSync(bus, 'a', 1, { timeout: NaN }), 'options.timeout')
    await refused(EventBus.subscribe({ id: bus.id } as never, 'a', nothing), 'ref')
    const invalid = { code: 'KEELSON_INVALID_ARGUMENT' }
    expect(() => EventBus.events(bus, 'a', { highWaterMark: 0 })).toThrow(expect.objectContaining(invalid))
    expect(() => EventBus.events(bus, 'a', { overflow: 'drop' as never })).toThrow(expect.objectContaining(invalid))
    expect(() => EventBus.publish(null as never, 'a', 1)).toThrow(expect.objectContaining(invalid))
    expect(await EventBus.getSubscriptionCount(bus)).toBe(0)
    const other = createSystem()
    const foreign = await EventBus.start({ system: other })
    await refused(EventBus.subscribe(bus, 'a', nothing, { owner: foreign }), 'options.owner')
    await other.close()
  })
})

/** Returns whether a pattern matches a topic, by trying everything. */
function wants(pattern: readonly string[], topic: readonly string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return topic.length === 0
  if (first === '**' || first === '#')
    return topic.some((_, taken) => wants(rest, topic.slice(taken))) || wants(rest, [])
  return topic.length > 0 && (first === '*' || first === topic[0]) && wants(rest, topic.slice(1))
}

function isWanted(pattern: string, topic: string): boolean {
  const [segments, heard] = [pattern.split('.'), topic.split('.')]
  const before = segments.slice(0, -1)
  if (segments.at(-1) === '*' && !before.some((segment) => ['*', '**', '#'].includes(segment))) {
    return heard.length >= segments.length && before.every((segment, index) => segment === heard[index])
  }
  return wants(segments, heard)
}

describe('whatever is subscribed and published', () => {
  const text = (segments: string[], most: number): fc.Arbitrary<string> =>
    fc.array(fc.constantFrom(...segments), { minLength: 1, maxLength: most }).map((list) => list.join('.'))
  const patterns = text(['a', 'b', '', '__proto__', '*', '*', '**', '#'], 5)
  const topics = text(['a', 'b', '', '__proto__', '*'], 6)
  const steps = fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ subscribe: patterns }) },
      { weight: 2, arbitrary: fc.record({ leave: fc.nat() }) },
      { weight: 5, arbitrary: fc.record({ publish: topics }) },
    ),
    { maxLength: 60 },
  )

  it('reaches those, and only those, whose patterns want it, in order, though what is looked up is remembered', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (given) => {
        const own = await EventBus.start({ system: stage.system })
        const living: { pattern: string; number: number; leave: () => Promise<void> }[] = []
        let [made, told]: [number, number[]] = [0, []]
        for (const step of given) {
          if ('subscribe' in step) {
            const number = made++
            const leave = await EventBus.subscribe(own, step.subscribe, () => void told.push(number))
            living.push({ pattern: step.subscribe, number, leave })
          } else if ('leave' in step) {
            if (living.length > 0) await living.splice(step.leave % living.length, 1)[0]?.leave()
          } else {
            const wanted = living.filter(({ pattern }) => isWanted(pattern, step.publish)).map(({ number }) => number)
            // Often enough for it to be remembered.
            for (let time = 0; time < 5; time++) {
              told = []
              await EventBus.publishSync(own, step.publish, null)
              expect(told).toEqual(wanted)
            }
          }
        }
        await EventBus.stop(own)
      }),
      { numRuns: 200 },
    )
  })
})
