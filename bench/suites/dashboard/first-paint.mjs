// Prints the milliseconds from the start of `keelson top` to its first paint with a row.
import { startService, startTop } from './shown.mjs'

const service = await startService(1000)
const began = performance.now()
let shown = ''
let painted = () => {}
const first = new Promise((resolve) => (painted = resolve))
const top = startTop(service, '', (text) => {
  shown += text
  if (shown.includes('running')) painted(performance.now() - began)
})
const ms = await first
await top.stop()
await service.observation.close()
console.log(ms)
process.exit(0)
