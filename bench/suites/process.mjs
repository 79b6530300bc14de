// Processes with state: what a send and an ask cost, against GenServer of the same runtime, against nact and a mailbox by hand.
import { GenServer } from 'keelson/otp'
import { createRootSupervisor } from 'keelson/process'
import { dispatch, query, spawn, start } from 'nact'

const handle = (state, message) => {
  if (message.reply === undefined) state.count += message.by
  else message.reply(state.count)
  return state
}

/** A mailbox by hand: an array, drained in a microtask. No bound, no deadline, no restart. */
class ByHand {
  #state = { count: 0 }
  #queue = []
  #draining = false

  send(message) {
    this.#queue.push(message)
    if (this.#draining) return
    this.#draining = true
    queueMicrotask(() => {
      for (let index = 0; index < this.#queue.length; index += 1) this.#state = handle(this.#state, this.#queue[index])
      this.#queue.length = 0
      this.#draining = false
    })
  }

  ask(build) {
    return new Promise((resolve) => {
      this.send(build(resolve))
    })
  }
}

const supervisor = createRootSupervisor()
const init = () => ({ count: 0 })
const ours = supervisor.spawn({ name: 'counter', init, handle, maxInbox: 100_000 }, {})
const observed = createRootSupervisor({ emit: () => {} }).spawn(
  { name: 'counter', init, handle, maxInbox: 100_000 },
  {},
)
const server = await GenServer.start({
  init,
  handleCall: (_, state) => [state.count, state],
  handleCast: ({ by }, state) => {
    state.count += by
    return state
  },
})
const hand = new ByHand()
const nact = spawn(start(), (state = init(), message, context) => {
  if (message.sender === undefined) state.count += message.by
  else dispatch(message.sender, state.count, context.self)
  return state
})

const message = { by: 1 }
const build = (reply) => ({ reply })
const askNact = () => query(nact, (sender) => ({ sender }), 5000)

function send(process) {
  return () => {
    if (!process.send(message)) throw new Error('a message was refused')
  }
}

const many = 100_000
const depth = 5000
/** Sends so many at a time until all are handled. */
const bursts = (sendOne, settle) => async () => {
  for (let sent = 0; sent < many; sent += depth) {
    for (let index = 0; index < depth; index += 1) sendOne()
    await settle()
  }
}
const some = 20_000
const sequential = (ask) => async () => {
  for (let index = 0; index < some; index += 1) await ask()
}

const sends = bursts(send(ours), () => ours.ask(build))
const asks = sequential(() => ours.ask(build))

export default {
  name: 'process',
  cases: [
    {
      name: 'send, against GenServer.cast',
      unit: 'ns/op',
      iterations: many,
      ours: sends,
      peer: {
        name: 'GenServer',
        fn: bursts(
          () => GenServer.cast(server, message),
          () => GenServer.call(server, 0),
        ),
      },
      bar: { ratio: 2 },
    },
    {
      name: 'send, against nact',
      unit: 'ns/op',
      iterations: many,
      ours: sends,
      peer: { name: 'nact', fn: bursts(() => dispatch(nact, message), askNact) },
    },
    {
      name: 'send, against a mailbox by hand',
      unit: 'ns/op',
      iterations: many,
      ours: sends,
      peer: {
        name: 'by hand',
        fn: bursts(
          () => hand.send(message),
          () => hand.ask(build),
        ),
      },
    },
    {
      name: 'send with a listener of events (three a message), against one without',
      unit: 'ns/op',
      iterations: many,
      ours: bursts(send(observed), () => observed.ask(build)),
      peer: { name: 'unobserved', fn: sends },
    },
    {
      name: 'sequential ask, against nact',
      unit: 'ns/op',
      iterations: some,
      ours: asks,
      peer: { name: 'nact', fn: sequential(askNact) },
      bar: { value: 1500 },
    },
    {
      name: 'sequential ask, against a mailbox by hand',
      unit: 'ns/op',
      iterations: some,
      ours: asks,
      peer: { name: 'by hand, without deadlines', fn: sequential(() => hand.ask(build)) },
    },
  ],
}
