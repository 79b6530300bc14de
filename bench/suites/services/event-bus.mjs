// Event buses: what a message costs among many subscriptions, against emitters of npm. Ours goes through a mailbox, so
// that no subscriber runs on the publisher's stack; theirs are called at once. All sides count what they were told.
import eventemitter2 from 'eventemitter2'
import { EventBus } from 'keelson/otp'
import mitt from 'mitt'

const { EventEmitter2 } = eventemitter2
const many = 100_000

let told = 0
const hear = () => {
  told += 1
}

/** Fails when a side has not told everybody. */
const expecting = (expected, run) => async (input) => {
  told = 0
  await run(input)
  if (told !== expected) throw new Error(`told ${told} of ${expected}`)
}

/** Subscribes `count` times to other topics, and three times to each `order.<n>.paid`. */
const patterns = (count) => [
  ...Array.from({ length: count - 3 }, (_, index) => `user.${index}.created`),
  'order.*.paid',
  'order.**',
  '*.*.paid',
]

async function busWith(list) {
  const bus = await EventBus.start()
  for (const pattern of list) await EventBus.subscribe(bus, pattern, hear)
  return bus
}

function emitterWith(list) {
  const emitter = new EventEmitter2({ wildcard: true, maxListeners: 0 })
  for (const pattern of list) emitter.on(pattern, hear)
  return emitter
}

const source = (pattern) =>
  pattern.replaceAll('.', '\\.').replaceAll('**', '\u0000').replaceAll('*', '[^.]*').replaceAll('\u0000', '.*')

/** The naive way: every subscription is asked. */
function regexesWith(list) {
  const all = list.map((pattern) => ({ regex: new RegExp(`^${source(pattern)}$`), handler: hear }))
  return {
    emit(topic, message) {
      for (const { regex, handler } of all) if (regex.test(topic)) handler(message)
    },
  }
}

const different = (index) => `order.${index}.paid`
const same = () => 'order.42.paid'

/** Publishes a thousand at a time, each time until all were told. */
const publishes = (count, topic) => async (bus) => {
  for (let sent = 0; sent < count; sent += 1000) {
    for (let index = sent; index < Math.min(sent + 1000, count); index += 1) EventBus.publish(bus, topic(index), index)
    await EventBus.publishSync(bus, 'barrier', 0)
  }
}
const emits = (count, topic) => (emitter) => {
  for (let index = 0; index < count; index += 1) emitter.emit(topic(index), index)
}

const list = patterns(many)
const once = (make) => {
  let made
  return () => (made ??= make())
}
const ourBus = once(() => busWith(list))
const theirs = once(() => emitterWith(list))
const naive = once(() => regexesWith(list))
const oneBus = once(() => busWith(['order.42.paid']))
const oneMitt = once(() => {
  const emitter = mitt()
  emitter.on('order.42.paid', hear)
  return emitter
})

const some = 50_000
const few = 20

const against = (name, count, topic, bus, peer, emitter, matches, bar) => ({
  name,
  unit: 'ns/op',
  iterations: count,
  ours: { setup: bus, run: expecting(count * matches, publishes(count, topic)) },
  peer: { name: peer, fn: { setup: emitter, run: expecting(count * matches, emits(count, topic)) } },
  ...(bar === undefined ? {} : { bar }),
})

export const cases = [
  {
    // The first, and alone: what other sides keep is in the collector's way.
    name: 'publish to 3 of 100,000 subscriptions, a new topic each time',
    unit: 'ns/op',
    iterations: some,
    ours: { setup: ourBus, run: expecting(some * 3, publishes(some, different)) },
    bar: { value: 3000 },
  },
  against(
    'publish to 3 of 100,000 subscriptions, a new topic each time, against eventemitter2',
    some,
    different,
    ourBus,
    'eventemitter2',
    theirs,
    3,
  ),
  against(
    'publish to 3 of 100,000 subscriptions, one topic, against eventemitter2',
    some,
    same,
    ourBus,
    'eventemitter2',
    theirs,
    3,
    { value: 3000 },
  ),
  against('publish to 1 subscriber, one topic, against mitt', some, same, oneBus, 'mitt', oneMitt, 1),
  {
    name: 'subscribe 100,000 patterns, against eventemitter2',
    unit: 'ns/op',
    iterations: many,
    ours: async () => {
      const bus = await busWith(list)
      if ((await EventBus.getSubscriptionCount(bus)) !== many) throw new Error('subscriptions are missing')
      await EventBus.stop(bus)
    },
    peer: {
      name: 'eventemitter2',
      fn: () => {
        emitterWith(list)
      },
    },
  },
  {
    name: 'unsubscribe 20,000 of one pattern, the first first, against eventemitter2',
    unit: 'ns/op',
    iterations: 20_000,
    ours: {
      setup: async () => {
        const bus = await EventBus.start()
        return Promise.all(Array.from({ length: 20_000 }, () => EventBus.subscribe(bus, 'user.*', () => undefined)))
      },
      run: async (leaves) => {
        for (const leave of leaves) await leave()
      },
    },
    peer: {
      name: 'eventemitter2',
      fn: {
        setup: () => {
          const emitter = new EventEmitter2({ wildcard: true, maxListeners: 0 })
          const listeners = Array.from({ length: 20_000 }, () => () => undefined)
          for (const listener of listeners) emitter.on('user.*', listener)
          return { emitter, listeners }
        },
        run: ({ emitter, listeners }) => {
          for (const listener of listeners) emitter.off('user.*', listener)
        },
      },
    },
  },
  {
    name: 'publishing the same among ever more subscriptions',
    unit: 'ms',
    sizes: [1000, 10_000, 100_000],
    setup: (size) => busWith(patterns(size)),
    ours: expecting(3 * some, publishes(some, different)),
    bar: { growth: 3 },
  },
  // The last: its regexes stay, and are in the collector's way.
  against(
    'publish to 3 of 100,000 subscriptions, against a list of regexes',
    few,
    different,
    ourBus,
    'a list of regexes',
    naive,
    3,
    { ratio: 0.01 },
  ),
]
