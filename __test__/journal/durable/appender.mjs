// Appends under load until it is killed; writes a line for each acknowledged entry, at once.
import { writeSync } from 'node:fs'
import { openJournal } from 'keelson/journal'

const [path, round, durability, inFlight] = process.argv.slice(2)
const journal = await openJournal(path, { segmentBytes: 1 << 16, durability })
writeSync(1, `open ${journal.nextSequence}\n`)
let last = 0
await Promise.all(
  Array.from({ length: Number(inFlight) }, async () => {
    for (;;) {
      const nonce = last++
      const { sequence } = await journal.append({ round, nonce, filler: 'x'.repeat((nonce * 37) % 600) })
      writeSync(1, `${sequence} ${nonce}\n`)
    }
  }),
)
