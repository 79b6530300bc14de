// Runs named steps and says one calm line about each; a failed one shows everything it has to say.
import { add, line, none } from './counts.mjs'
import { explain, Failure } from './failure.mjs'

function say(text) {
  process.stdout.write(`${text}\n`)
}
const seconds = (since) => `${(Number(process.hrtime.bigint() - since) / 1e9).toFixed(1)} s`

/** Runs one step and says its line. Returns what it counted, and whether it failed. */
async function runStep({ name, run }, label, print) {
  const since = process.hrtime.bigint()
  try {
    const result = await run()
    print(result === false ? `${label}  unchanged` : `${label}  ${result?.note ?? 'ok'}  ${seconds(since)}`)
    for (const text of result?.lines ?? []) print(text)
    return { name, counts: result?.counts ?? none, hasFailed: false }
  } catch (error) {
    print(`${label}  FAILED  ${seconds(since)}\n\n${explain(error)}\n`)
    const counts = error instanceof Failure && error.counts ? error.counts : { ...none, failed: 1 }
    return { name, counts, hasFailed: true }
  }
}

/**
 * A step is `{ name, needs?, uses?, alone?, run }`. `run` returns nothing, or `false` when nothing had changed, or
 * `{ note?, lines?, counts? }`; it throws a `Failure` to fail. Steps that need a failed one are left out.
 *
 * Up to `lanes` steps run at a time, in order: never two that use the same thing, and a step that is `alone` only while no
 * other does.
 */
export async function runSteps(steps, { lanes = 1, print = say } = {}) {
  const width = Math.max(...steps.map(({ name }) => name.length))
  const waiting = [...steps]
  const running = new Map()
  const pending = new Set(steps.map(({ name }) => name))
  const failed = new Set()
  const leftOut = []
  let counts = none

  const isReady = ({ needs = [], uses, alone = false }) => {
    const others = [...running.keys()]
    if (running.size >= lanes || needs.some((need) => pending.has(need))) return false
    if (others.some((other) => other.alone || (uses !== undefined && other.uses === uses))) return false
    return !alone || running.size === 0
  }
  const finish = (name, hasFailed) => {
    pending.delete(name)
    if (hasFailed) failed.add(name)
  }
  /** Leaves out what cannot run any more. */
  const prune = () => {
    for (let index = 0; index < waiting.length; index++) {
      const { name, needs = [] } = waiting[index]
      if (!needs.some((need) => failed.has(need))) continue
      waiting.splice(index, 1)
      leftOut.push(name)
      finish(name, true)
      index = -1
    }
  }

  while (waiting.length > 0 || running.size > 0) {
    prune()
    for (let next = waiting.findIndex(isReady); next !== -1; next = waiting.findIndex(isReady)) {
      const [step] = waiting.splice(next, 1)
      running.set(
        step,
        runStep(step, step.name.padEnd(width), print).then((result) => ({ step, ...result })),
      )
    }
    if (running.size === 0 && waiting.length === 0) break
    if (running.size === 0)
      throw new Failure(`Steps wait for each other: ${waiting.map(({ name }) => name).join(', ')}.`)
    const ended = await Promise.race(running.values())
    running.delete(ended.step)
    counts = add(counts, ended.counts)
    finish(ended.name, ended.hasFailed)
  }
  if (leftOut.length > 0) print(`Left out for that: ${leftOut.join(', ')}.`)
  return { failed: [...failed].filter((name) => !leftOut.includes(name)), counts }
}

/** `steps` cut down to `names` and what they need; everything when there are no names. */
export function select(steps, names) {
  const known = new Map(steps.map((step) => [step.name, step]))
  const unknown = names.filter((name) => !known.has(name))
  if (unknown.length > 0) {
    throw new Failure(`There is no step ${unknown.join(', ')}; the steps are ${[...known.keys()].join(', ')}.`)
  }
  if (names.length === 0) return steps
  const wanted = new Set()
  const want = (name) => {
    wanted.add(name)
    for (const need of known.get(name).needs ?? []) want(need)
  }
  for (const name of names) want(name)
  return steps.filter(({ name }) => wanted.has(name))
}

/** Runs the steps and fails at the first problem: for the commands that make something. */
export async function runAll(steps) {
  const { failed } = await runSteps(steps)
  return failed.length === 0 ? 0 : 1
}

/** The last line of a test run. */
export const summary = line
