// A service of hours in a moment: the real code, with a controlled clock under it.
//
//   npm run example -- testing-tour                  eight hours
//   npm run example -- testing-tour --hours 24       up to a week
//   npm run example -- testing-tour --seed 7         another history
//   npm run example -- testing-tour --folder ./data  keeps the journal there
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createControlledClock, createSystemClock } from 'keelson/clock'
import { Supervisor } from 'keelson/otp'
import { createSystem } from 'keelson/system'

import { numberOf, options } from '../lib/options.mjs'
import { program } from '../lib/program.mjs'
import { simulatedApi } from './api.mjs'
import { startService } from './service.mjs'

await program(async () => {
  const { values } = options({
    hours: { type: 'string', default: '8' },
    seed: { type: 'string', default: '1' },
    folder: { type: 'string' },
  })
  const hours = numberOf('hours', values.hours, { min: 1, max: 168 })
  const seed = numberOf('seed', values.seed, { min: 0, max: Number.MAX_SAFE_INTEGER })
  const folder = values.folder ?? (await mkdtemp(join(tmpdir(), 'testing-tour-')))

  const host = createSystemClock()
  const start = host.monoMs()
  const clock = createControlledClock(Date.UTC(2030, 0))
  const system = createSystem({ clock, seed, crashReports: false })
  let crashes = 0
  Supervisor.onLifecycleEvent((event) => void (crashes += event.type === 'crashed' ? 1 : 0), system)

  // One request in five fails, so one record in 125 fails three times and crashes the recorder.
  const service = await startService({ system, api: simulatedApi(system, 0.2), folder, symbols: ['GOLD', 'TIN'] })
  await clock.advance(hours * 3_600_000)
  const counts = ['GOLD', 'TIN'].map((symbol) => `${service.history(symbol).length} of ${symbol}`)
  await service.stop()
  await system.close()

  const until = new Date(clock.now().wallMs).toISOString()
  console.log(`${hours} hours passed in ${Math.round(host.monoMs() - start)} ms, until ${until}.`)
  console.log(`The journal holds ${counts.join(' and ')}; the recorder crashed ${crashes} times and came back.`)
  if (values.folder === undefined) await rm(folder, { recursive: true })
})
