import { expect, it } from 'vitest'

import { programs } from '../../support/programs.ts'
import { tempDirectory } from '../../support/temp-directory.ts'
import { killAgainAndAgain } from './kills.ts'

it('no reply is seen before its events are on disk, whenever the process is killed', async () => {
  // With `KEELSON_PROGRAMS` it kills so often.
  const kills = Math.min(programs(12), 10_000)
  expect(await killAgainAndAgain(tempDirectory(), kills, Math.random)).toBeGreaterThan(kills)
})
