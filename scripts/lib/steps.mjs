// Runs named steps in order and says one calm line about each; a failed one shows everything it has to say.
import { add, line, none } from './counts.mjs'
import { explain, Failure } from './failure.mjs'

const say = (text) => process.stdout.write(`${text}\n`)
const seconds = (since) => `${(Number(process.hrtime.bigint() - since) / 1e9).toFixed(1)} s`

/**
 * A step is `{ name, needs?, run }`. `run` returns nothing, or `false` when nothing had changed, or
 * `{ note?, lines?, counts? }`; it throws a `Failure` to fail. Steps that need a failed one are left out.
 */
export async function runSteps(steps) {
  const width = Math.max(...steps.map(({ name }) => name.length))
  const failed = new Set()
  const leftOut = []
  let counts = none
  for (const { name, needs = [], run } of steps) {
    const label = name.padEnd(width)
    if (needs.some((need) => failed.has(need))) {
      failed.add(name)
      leftOut.push(name)
      continue
    }
    const since = process.hrtime.bigint()
    try {
      const result = await run()
      say(result === false ? `${label}  unchanged` : `${label}  ${result?.note ?? 'ok'}  ${seconds(since)}`)
      for (const text of result?.lines ?? []) say(text)
      counts = add(counts, result?.counts ?? none)
    } catch (error) {
      failed.add(name)
      counts = add(counts, error instanceof Failure && error.counts ? error.counts : { ...none, failed: 1 })
      say(`${label}  FAILED  ${seconds(since)}\n\n${explain(error)}\n`)
    }
  }
  if (leftOut.length > 0) say(`Left out for that: ${leftOut.join(', ')}.`)
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
