// Atoms of one thread: a change with a subscriber, against the small stores of npm, which keep neither version nor time.
import { createAtom, transact } from 'keelson/atom'
import { atom } from 'nanostores'
import { createStore } from 'zustand/vanilla'

const changes = 200_000
let told = 0
const listener = () => {
  told += 1
}

function keelson(initial, options) {
  const state = createAtom(initial, options)
  state.watch(listener)
  return state
}

function nano(initial) {
  const state = atom(initial)
  state.listen(listener)
  return state
}

function zustand(initial) {
  const state = createStore(() => initial)
  state.subscribe(listener)
  return state
}

const increment = (count) => count + 1
const incrementIn = ({ count }) => ({ count: count + 1 })

const swaps = (updater) => (state) => {
  for (let change = 0; change < changes; change += 1) state.swap(updater)
}
const sets = (updater) => (state) => {
  for (let change = 0; change < changes; change += 1) state.set(updater(state.get()))
}
const setStates = (updater) => (state) => {
  for (let change = 0; change < changes; change += 1) state.setState(updater)
}

const one = { count: 0 }
// zustand keeps neither version nor time.
const peers = [
  ['nanostores', nano, sets, 0.6],
  ['zustand', zustand, setStates, 1.5],
]
const kinds = [
  ['a number', 0, increment],
  ['an object', one, incrementIn],
]

export default {
  name: 'atom',
  cases: [
    ...kinds.flatMap(([kind, initial, updater]) =>
      peers.map(([name, make, run, ratio]) => ({
        name: `swap ${kind} with a subscriber, against ${name}`,
        unit: 'ns/op',
        iterations: changes,
        ours: { setup: () => keelson(initial), run: swaps(updater) },
        peer: { name, fn: { setup: () => make(initial), run: run(updater) } },
        bar: { ratio },
      })),
    ),
    {
      name: 'swap with a history of 100',
      unit: 'ns/op',
      iterations: changes,
      ours: { setup: () => keelson(0, { historySize: 100 }), run: swaps(increment) },
    },
    {
      name: 'transact of two atoms with a subscriber each',
      unit: 'ns/op',
      iterations: changes / 10,
      ours: {
        setup: () => [keelson(0), keelson(0)],
        run: ([first, second]) => {
          for (let change = 0; change < changes / 10; change += 1) {
            transact([first, second], () => {
              first.swap(increment)
              second.swap(increment)
            })
          }
        },
      },
    },
    {
      name: 'deref',
      unit: 'ns/op',
      iterations: 10 * changes,
      ours: {
        setup: () => createAtom(1),
        run: (state) => {
          for (let read = 0; read < 10 * changes; read += 1) told += state.deref()
        },
      },
      bar: { value: 5 },
    },
  ],
}
