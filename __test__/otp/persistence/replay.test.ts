import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

import { segmentOf } from '../../support/segments.ts'
import { tempDirectory } from '../../support/temp-directory.ts'
import { replayInto, writeReplay } from './replay-account.ts'

// Node 20 wrote these files. `npm run matrix` runs this test with the other versions of Node.
const golden = join(import.meta.dirname, 'golden-replay')

it('a replay makes the same state, byte for byte, as the version of Node that wrote the golden files', async () => {
  const [path, state] = [tempDirectory(), tempDirectory()]
  cpSync(join(golden, 'journal'), path, { recursive: true })
  await replayInto(path, state)
  expect(readFileSync(segmentOf(state)).toString('latin1')).toBe(
    readFileSync(segmentOf(join(golden, 'state'))).toString('latin1'),
  )
})

it('the same events make the same file, byte for byte, with every version of Node', async () => {
  const path = tempDirectory()
  await writeReplay(path)
  expect(readFileSync(segmentOf(path)).equals(readFileSync(segmentOf(join(golden, 'journal'))))).toBe(true)
})
