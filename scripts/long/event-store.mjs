// The event store under load: 10,000 kills of a program with persistent processes, and the start of a process with ten
// million events. `kills` or `memory` as an argument runs one of the two. KEELSON_KILLS and KEELSON_MINUTES bound the
// kills.
import { killAgainAndAgain } from './event-store/kills.mjs'
import { recoverInFlatMemory } from './event-store/memory.mjs'

const KILLS = Number(process.env.KEELSON_KILLS ?? 10_000)
const MINUTES = Number(process.env.KEELSON_MINUTES ?? Infinity)
const SIZES = [1_000_000, 10_000_000]

const only = process.argv[2]
const notes = []
try {
  if (only !== 'memory') notes.push(await killAgainAndAgain(KILLS, MINUTES * 60_000))
  if (only !== 'kills') notes.push(await recoverInFlatMemory(SIZES))
  console.log(notes.join('; '))
} catch (error) {
  console.log([...notes, `failed: ${error.stack ?? error}`].join('; '))
  process.exitCode = 1
}
