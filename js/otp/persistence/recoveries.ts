/** Recoveries of one journal that read at the same time. Each holds a page of events. */
const AT_ONCE = 32

interface Recoveries {
  running: number
  readonly waiting: (() => void)[]
}

const ofJournals = new WeakMap<object, Recoveries>()

/** Runs a recovery when fewer than 32 others of the journal run. */
export async function inTurn<R>(journal: object, recovery: () => Promise<R>): Promise<R> {
  let all = ofJournals.get(journal)
  if (all === undefined) ofJournals.set(journal, (all = { running: 0, waiting: [] }))
  if (all.running >= AT_ONCE) await new Promise<void>((resolve) => all.waiting.push(resolve))
  else all.running++
  try {
    return await recovery()
  } finally {
    const next = all.waiting.shift()
    if (next === undefined) all.running--
    else next()
  }
}
