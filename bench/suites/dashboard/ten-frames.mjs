// Prints the processor time of `keelson top` at ten frames a second over 100 000 processes, in percent of a core.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { GenServer } from 'keelson/otp'
import { seeded } from '../../lib/random.mjs'
import { startService, startTop } from './shown.mjs'

const COUNT = 100_000
const SECONDS = 10
const ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** The processor time of a process, in seconds. */
function processorTime(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticks
}

const service = await startService(COUNT)
let frames = 0
const top = startTop(service, '--refresh 100', () => frames++)
// Messages to processes all over, so that rows change in each frame.
const random = seeded(1)
const work = setInterval(() => {
  for (let sent = 0; sent < 200; sent++) GenServer.cast(service.refs[Math.floor(random() * COUNT)], 'add')
}, 10)
await sleep(2000)
const [before, framesBefore] = [processorTime(top.pid()), frames]
await sleep(SECONDS * 1000)
const used = processorTime(top.pid()) - before
const drawn = frames - framesBefore
clearInterval(work)
await top.stop()
if (drawn < SECONDS * 8) throw new Error(`it drew ${drawn} frames in ${SECONDS} s`)
await service.observation.close()
console.log((used / SECONDS) * 100)
process.exit(0)
