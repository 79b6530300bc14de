// The peers that run plain races: jest's fake timers, which are those of sinon, and the scheduler of fast-check.
import FakeTimers from '@sinonjs/fake-timers'
import * as fc from 'fast-check'

/** The time that a call takes. */
const CALL_MS = 1

/** Runs a function after a time of the fake timers. */
const after = (ms, run) =>
  new Promise((resolve, reject) => {
    setTimeout(() => {
      try {
        resolve(run())
      } catch (error) {
        reject(error)
      }
    }, ms)
  })

/** Returns whether a program passes as a jest test under fake timers: in the one order that they give. */
export async function passesUnderFakeTimers(program) {
  const clock = FakeTimers.install()
  let outcome = 'it waits for ever'
  try {
    const world = { call: (_, run) => after(CALL_MS, run), later: (_, ms) => after(ms, () => {}) }
    program(world).then(
      () => {
        outcome = 'passed'
      },
      () => {
        outcome = 'failed'
      },
    )
    await clock.runAllAsync()
  } finally {
    clock.uninstall()
  }
  return outcome === 'passed'
}

/** Returns whether a program passes in the order of a scheduler. Calls, and ends of times, come in any order. */
async function passesUnderScheduler(scheduler, program) {
  let outcome = 'it waits for ever'
  const world = {
    call: (name, run) =>
      scheduler.scheduleFunction(Object.defineProperty(async () => run(), 'name', { value: name }))(),
    later: (name) => scheduler.schedule(Promise.resolve(), name),
  }
  program(world).then(
    () => {
      outcome = 'passed'
    },
    () => {
      outcome = 'failed'
    },
  )
  await scheduler.waitIdle()
  return outcome === 'passed'
}

const propertyOf = (program) =>
  fc.asyncProperty(fc.scheduler(), (scheduler) => passesUnderScheduler(scheduler, program))

/** Returns how many runs a seed takes until the scheduler's order fails a program; `most` if none of them does. */
export async function runsUntilFound(program, seed, most) {
  const { numRuns } = await fc.check(propertyOf(program), { seed, numRuns: most, endOnFailure: true })
  return numRuns
}

/** Returns how many of so many orders pass. */
export async function runsThatMiss(program, seed, runs) {
  let missed = 0
  const counts = fc.asyncProperty(fc.scheduler(), async (scheduler) => {
    missed += (await passesUnderScheduler(scheduler, program)) ? 1 : 0
  })
  await fc.assert(counts, { seed, numRuns: runs })
  return missed
}
