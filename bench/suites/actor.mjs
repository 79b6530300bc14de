// Actors: what a message, a call and a process cost, against actor libraries and against a mailbox written by hand.
import { fileURLToPath } from 'node:url'

import { GenServer } from 'keelson/otp'
import { dispatch, query, spawn, start } from 'nact'

const behavior = {
  init: () => ({ count: 0 }),
  handleCall: (_, state) => [state.count, state],
  handleCast: (by, state) => {
    state.count += by
    return state
  },
}

/** A mailbox by hand: an array, drained in a microtask. No deadline, no supervision, no fairness. */
class ByHand {
  #state = behavior.init()
  #queue = []
  #draining = false

  cast(message) {
    this.#queue.push({ message })
    this.#schedule()
  }

  call(message) {
    return new Promise((resolve, reject) => {
      this.#queue.push({ message, resolve, reject })
      this.#schedule()
    })
  }

  #schedule() {
    if (this.#draining) return
    this.#draining = true
    queueMicrotask(() => {
      for (let index = 0; index < this.#queue.length; index += 1) this.#handle(this.#queue[index])
      this.#queue.length = 0
      this.#draining = false
    })
  }

  #handle({ message, resolve, reject }) {
    try {
      if (resolve === undefined) {
        this.#state = behavior.handleCast(message, this.#state)
      } else {
        const [reply, state] = behavior.handleCall(message, this.#state)
        this.#state = state
        resolve(reply)
      }
    } catch (error) {
      reject?.(error)
    }
  }
}

/** The same for handlers that take their time: a chain of promises. */
class SlowByHand {
  #state = behavior.init()
  ended = Promise.resolve()

  cast(message) {
    this.ended = this.ended.then(async () => {
      this.#state = await asynchronously.handleCast(message, this.#state)
    })
  }
}
const asynchronously = { ...behavior, handleCast: async (by, state) => behavior.handleCast(by, state) }

const server = await GenServer.start(behavior)
const slow = await GenServer.start(asynchronously)
const slowByHand = new SlowByHand()
const hand = new ByHand()
const root = start()
const nact = spawn(root, (state = { count: 0 }, message, context) => {
  if (typeof message === 'number') state.count += message
  else dispatch(message.sender, state.count, context.self)
  return state
})
const ask = (actor) => query(actor, (sender) => ({ sender }), 5000)
/** Casts so many at a time until all are handled. */
const bursts = (total, depth, cast, settle) => async () => {
  for (let sent = 0; sent < total; sent += depth) {
    for (let index = 0; index < depth; index += 1) cast()
    await settle()
  }
}
const ours = () => GenServer.cast(server, 1)
const settled = () => GenServer.call(server, 0, { timeout: Infinity })

const sequential = (count, call) => async () => {
  for (let index = 0; index < count; index += 1) await call()
}
const concurrent = (count, width, call) => async () => {
  for (let done = 0; done < count; done += width) await Promise.all(Array.from({ length: width }, call))
}

const many = 200_000
const some = 60_000
const asynchronous = 20_000

const program = fileURLToPath(new URL('../lib/starts.mjs', import.meta.url))
const starts = (kind) => ({ file: program, args: [kind], name: kind })

export default {
  name: 'actor',
  cases: [
    {
      name: 'cast, 200,000 queued, against a mailbox by hand',
      unit: 'ns/op',
      iterations: many,
      ours: bursts(many, many, ours, settled),
      peer: {
        name: 'by hand',
        fn: bursts(
          many,
          many,
          () => hand.cast(1),
          () => hand.call(0),
        ),
      },
      bar: { value: 60 },
    },
    {
      name: 'cast, 10 queued, against a mailbox by hand',
      unit: 'ns/op',
      iterations: many,
      // The question that ends each ten is counted with them.
      ours: bursts(many, 10, ours, settled),
      peer: {
        name: 'by hand',
        fn: bursts(
          many,
          10,
          () => hand.cast(1),
          () => hand.call(0),
        ),
      },
    },
    {
      name: 'tell, against nact',
      unit: 'ns/op',
      iterations: some,
      ours: bursts(some, 10_000, ours, settled),
      peer: {
        name: 'nact',
        fn: bursts(
          some,
          10_000,
          () => dispatch(nact, 1),
          () => ask(nact),
        ),
      },
      bar: { ratio: 0.1 },
    },
    {
      name: 'sequential call, against a mailbox by hand',
      unit: 'ns/op',
      iterations: some,
      ours: sequential(some, () => GenServer.call(server, 0)),
      peer: { name: 'by hand, without deadlines', fn: sequential(some, () => hand.call(0)) },
      bar: { value: 450 },
    },
    {
      name: 'sequential call, against nact',
      unit: 'ns/op',
      iterations: some,
      ours: sequential(some, () => GenServer.call(server, 0)),
      peer: { name: 'nact', fn: sequential(some, () => ask(nact)) },
      bar: { ratio: 0.125 },
    },
    {
      name: 'cast to an asynchronous handler, 20,000 queued, against a mailbox by hand',
      unit: 'ns/op',
      iterations: asynchronous,
      ours: bursts(
        asynchronous,
        asynchronous,
        () => GenServer.cast(slow, 1),
        () => GenServer.call(slow, 0, { timeout: Infinity }),
      ),
      peer: {
        name: 'by hand',
        fn: bursts(
          asynchronous,
          asynchronous,
          () => slowByHand.cast(1),
          () => slowByHand.ended,
        ),
      },
    },
    {
      name: '3,000 calls at once, against a mailbox by hand',
      unit: 'ns/op',
      iterations: some,
      ours: concurrent(some, 3000, () => GenServer.call(server, 0)),
      peer: { name: 'by hand, without deadlines', fn: concurrent(some, 3000, () => hand.call(0)) },
      bar: { value: 250 },
    },
    {
      name: 'start and stop, against nact',
      unit: 'ns/op',
      rounds: 5,
      paired: { ours: starts('keelson'), peer: starts('nact') },
      read: (time) => time,
      bar: { value: 2500 },
    },
    {
      name: 'start and stop, against xstate',
      unit: 'ns/op',
      rounds: 5,
      paired: { ours: starts('keelson'), peer: starts('xstate') },
      read: (time) => time,
    },
    {
      name: 'casts to a deep mailbox',
      unit: 'ms',
      sizes: [4000, 40_000, 400_000],
      ours: async (size) => {
        for (let index = 0; index < size; index += 1) ours()
        await settled()
      },
      bar: { growth: 13 },
    },
  ],
}
