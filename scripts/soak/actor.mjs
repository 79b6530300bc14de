// npm run soak -- actor [--messages N] [--seed N] [--accounting] [--json]: messages through a tree of supervisors with a crash
// about every 1,000th. Proves that memory stays flat, that every message is accounted for and every call settled, and that
// the event loop is not held. Ends with 1 when a bar is missed; with --accounting only the accounting is judged.
import { parseArgs } from 'node:util'

import { GenServer, isServerNotRunningError, Supervisor } from 'keelson/otp'
import { createSystem } from 'keelson/system'

import { seeded } from '../../bench/lib/random.mjs'
import { Ledger } from './ledger.mjs'
import { watchTurns } from './turns.mjs'

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '10000000' },
    seed: { type: 'string', default: '1' },
    accounting: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const total = Number(values.messages)
const random = seeded(Number(values.seed))
const TEAMS = 10
const WORKERS = 10
const CRASH_EVERY = 1000
/** Messages between two waits, and once in so many rounds a flood. */
const BATCH = 2000
const FLOOD = 10_000
const FLOOD_EVERY = 50

const unowned = []
const onError = (error, origin) => unowned.push(`${origin}: ${error}`)
const system = createSystem({ onError, crashReports: false })
/** The present run of each worker, and its ledger. */
const present = Array.from({ length: TEAMS * WORKERS }, () => undefined)
const faults = []
const sums = { handled: 0, lost: 0, calls: 0, answered: 0, rejected: 0, crashes: 0, runs: 0 }

const crash = new Error('the soak crashes it')

/** Answers calls at once, or (`later`) when the next message comes. */
const behaviorOf = (ledger) => ({
  init: () => ({ open: undefined }),
  handleCall: ({ number, later }, state, from) => {
    ledger.take(number)
    answer(state)
    if (!later) return [number, state]
    state.open = from
    return GenServer.noReply(state)
  },
  handleCast: ({ number, crashes }, state) => {
    ledger.take(number)
    if (crashes) {
      ledger.openAtCrash = state.open === undefined ? 0 : 1
      throw crash
    }
    answer(state)
    return state
  },
})

function answer(state) {
  if (state.open === undefined) return
  GenServer.reply(state.open, 'later')
  state.open = undefined
}

function close(ledger) {
  faults.push(...ledger.faults())
  sums.handled += ledger.handled
  sums.lost += ledger.lost
  sums.calls += ledger.calls
  sums.answered += ledger.answered
  sums.rejected += ledger.rejected
  sums.crashes += ledger.crashAt === Infinity ? 0 : 1
}

/** Ledgers of runs that have crashed; they are closed once every call is settled. */
let ended = []

const worker = (index) => ({
  id: `worker-${index}`,
  start: async () => {
    const ledger = new Ledger()
    const ref = await GenServer.start(behaviorOf(ledger), { system })
    if (present[index] !== undefined) ended.push(present[index].ledger)
    present[index] = { ref, ledger }
    sums.runs += 1
    return ref
  },
})

const budget = { maxRestarts: 1_000_000_000, withinMs: 1000 }
const team = (number) => ({
  id: `team-${number}`,
  start: () =>
    Supervisor.start({
      system,
      restartIntensity: budget,
      children: Array.from({ length: WORKERS }, (_, index) => worker(number * WORKERS + index)),
    }),
})
const root = await Supervisor.start({
  system,
  restartIntensity: budget,
  children: Array.from({ length: TEAMS }, (_, number) => team(number)),
})

let refused = 0
let questions = 0
let open = 0
let settled = () => {}

function settle(ledger, field) {
  ledger[field] += 1
  open -= 1
  if (open === 0) settled()
}

function call(ref, ledger, later) {
  const number = ledger.number(true)
  open += 1
  GenServer.call(ref, { number, later }).then(
    () => settle(ledger, 'answered'),
    (error) => {
      if (!isServerNotRunningError(error)) faults.push(`a call was rejected with ${error}`)
      settle(ledger, 'rejected')
    },
  )
}

/** Sends one message; false when the worker is not there, which a cast says by throwing. */
function send(nth) {
  const { ref, ledger } = present[Math.floor(random() * present.length)]
  const chance = random()
  if (!GenServer.isRunning(ref)) {
    refused += 1
  } else if (nth % CRASH_EVERY === 0) {
    GenServer.cast(ref, { number: ledger.crash(), crashes: true })
  } else if (chance < 0.2) {
    call(ref, ledger, chance < 0.004)
  } else {
    GenServer.cast(ref, { number: ledger.number(false), crashes: false })
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** All that was sent is handled or lost, and whoever crashed runs again. */
async function quiet() {
  // A call that waits for the next message gets one.
  for (const { ref, ledger } of present) {
    if (!GenServer.isRunning(ref)) continue
    questions += 1
    call(ref, ledger, false)
  }
  if (open > 0) {
    await new Promise((resolve) => {
      settled = resolve
    })
  }
  while (present.some(({ ref }) => !GenServer.isRunning(ref))) await turn()
  for (const ledger of ended) close(ledger)
  ended = []
}

function memory() {
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed / 2 ** 20, rss: rss / 2 ** 20 }
}

const samples = []
const sampleAt = [0.1, 0.25, 0.5, 0.75, 1].map((share) => share * total)
const began = performance.now()
let stopWatching = watchTurns()
const watched = { held: 0, longest: 0, over: 0, turns: 0 }
let sent = 0
for (let round = 1; sent < total; round += 1) {
  const count = Math.min(round % FLOOD_EVERY === 0 ? FLOOD : BATCH, total - sent)
  for (let index = 0; index < count; index += 1) send((sent += 1))
  await quiet()
  await turn()
  if (sent < sampleAt[samples.length]) continue
  // A collection that is asked for is no drain.
  const turns = stopWatching()
  watched.held = Math.max(watched.held, turns.held)
  watched.longest = Math.max(watched.longest, turns.longest)
  watched.over += turns.over
  watched.turns += turns.turns
  await turn()
  samples.push({ sent, ...memory() })
  stopWatching = watchTurns()
}
stopWatching()
const seconds = (performance.now() - began) / 1000
for (const { ledger } of present) close(ledger)
await Supervisor.stop(root)
await system.close()

const [warm, end] = [samples[0], samples.at(-1)]
const [heapGrowth, rssGrowth] = [end.heap - warm.heap, end.rss - warm.rss]
const unaccounted = sent + questions - sums.handled - sums.lost - refused
const bars = [
  ['sent = handled + lost + refused', unaccounted === 0, `${unaccounted} missing`],
  [
    'each worker handled what came before its crash, in order',
    faults.length === 0,
    `${faults.length} ledgers do not add up`,
  ],
  ['every call is settled', sums.answered + sums.rejected === sums.calls, `${sums.calls} calls`],
  ['each crash was followed by one restart', sums.runs === present.length + sums.crashes, `${sums.crashes} crashes`],
  ['nothing failed without an owner', unowned.length === 0, `${unowned.length} reports`],
  ...(values.accounting
    ? []
    : [
        ['heap grows by less than 2 MB', heapGrowth < 2, `${heapGrowth.toFixed(2)} MB`],
        ['resident memory grows by less than 24 MB', rssGrowth < 24, `${rssGrowth.toFixed(1)} MB`],
        ['the event loop is held for less than 20 ms', watched.held < 20, `${watched.held.toFixed(1)} ms`],
      ]),
]
const met = bars.every(([, holds]) => holds)
const result = { sent, refused, questions, ...sums, samples, watched, seconds, faults: faults.slice(0, 5), met }

const row = (name, value) => process.stdout.write(`${name.padEnd(60)} ${value}\n`)
const number = (value) => value.toLocaleString('en', { maximumFractionDigits: 1 })

if (values.json) {
  process.stdout.write(`${JSON.stringify(result)}\n`)
} else {
  row(
    'messages sent',
    `${number(sent)} in ${number(seconds)} s, ${number((seconds * 1e9) / sent)} ns each, crashes and all`,
  )
  row('  handled', `${number(sums.handled)} (with ${number(questions)} questions that end the rounds)`)
  row('  lost behind a crash', number(sums.lost))
  row('  refused while a worker was restarted', number(refused))
  row('calls', `${number(sums.calls)}: ${number(sums.answered)} answered, ${number(sums.rejected)} rejected`)
  row('crashes, restarts', `${number(sums.crashes)}, ${number(sums.runs - present.length)}`)
  for (const { sent: at, heap, rss } of samples) {
    row(`memory after ${number(at)}`, `heap ${heap.toFixed(2)} MB, resident ${rss.toFixed(1)} MB`)
  }
  row('longest hold of the event loop', `${watched.held.toFixed(1)} ms in ${number(watched.turns)} turns`)
  row('longest turn, other programs included', `${watched.longest.toFixed(1)} ms, ${watched.over} over 20 ms`)
  process.stdout.write('\n')
  for (const [name, holds, value] of bars) row(`${holds ? 'met   ' : 'MISSED'} ${name}`, value)
  for (const fault of faults.slice(0, 5)) row('fault', fault)
  for (const report of unowned.slice(0, 5)) row('report', report)
}
process.exitCode = met ? 0 : 1
