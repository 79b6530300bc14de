// A quarter of a small software company, in a second: the months pass on a controlled clock, and the journals are real.
//
//   npm run example -- event-sourced-saas
//   npm run example -- event-sourced-saas --months 12 --folder ./books
import { access, constants, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createControlledClock, createSystem, isRateLimitExceededError } from 'keelson'

import { numberOf, options } from '../lib/options.mjs'
import { program, Refusal } from '../lib/program.mjs'
import { businessAsOf, tenantAsOf } from './history.mjs'
import { monthEnd, monthName } from './plans.mjs'
import { type Mail, Saas } from './saas.mjs'
import { RefusedError } from './tenant.mjs'

const MINUTE = 60_000
const BEGIN = Date.UTC(2030, 0, 10)

const flags = { folder: { type: 'string' }, months: { type: 'string', default: '3' } } as const

/** Returns how many files below a directory have a text in their bytes. */
async function filesWith(text: string, directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const bytes = await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name))))
  return bytes.filter((content) => content.includes(text)).length
}

const money = (cents: number): string => (cents / 100).toFixed(2).padStart(9)

async function story(directory: string, months: number): Promise<void> {
  const clock = createControlledClock(BEGIN)
  const system = createSystem({ clock, seed: 7 })
  const mails: Mail[] = []
  const send = async (mail: Mail): Promise<void> => void mails.push(mail)
  let saas = await Saas.start({ system, directory, send })
  if (saas.ledger.size() > 0)
    throw new Refusal(`${directory} has the books of an earlier run: choose another --folder.`)
  const heading = (text: string): void => console.log(`\n${new Date(clock.now().wallMs).toISOString()}  ${text}`)

  heading('Two tenants open.')
  await saas.open('harbour', 'team', 'person-1', { name: 'Ann Archer', email: 'ann@harbour.example' })
  await saas.join('harbour', 'person-1', 'person-2', { name: 'Bob Baker', email: 'bob@harbour.example' })
  await saas.open('club', 'free', 'person-3', { name: 'Cleo Clark', email: 'cleo@club.example' })

  heading('The club uses its free plan up.')
  for (let minute = 0; ; minute++) {
    try {
      await saas.use('club', 'person-3', 8)
    } catch (error) {
      if (isRateLimitExceededError(error)) {
        console.log(`  too fast: again in ${error.retryAfterMs / 1000} s`)
        await clock.advance(error.retryAfterMs)
      } else if (error instanceof RefusedError) {
        console.log(`  ${error.message}`)
        break
      } else throw error
    }
  }

  for (let month = 0; month < months; month++) {
    heading(`${monthName(clock.now().wallMs)}: the harbour works.`)
    for (let day = 0; day < 8; day++) {
      await saas.use('harbour', system.random.int(2) === 0 ? 'person-1' : 'person-2', 100 + system.random.int(100))
      await clock.advance(2 * MINUTE)
    }
    if (month === 1) await saas.changePlan('harbour', 'person-1', 'business')
    if (month === 1) console.log('  it changes to the plan business')
    // The service stops for the night and goes on from its journals.
    await saas.stop()
    saas = await Saas.start({ system, directory, send })
    await clock.set(monthEnd(clock.now().wallMs) + 2 * MINUTE)
    await clock.advance(60 * MINUTE)
    await saas.whenCaughtUp()
    for (const { to, text } of mails.splice(0)) console.log(`  mail to ${to}: ${text}`)
  }

  heading('The revenue, by a projection, and as of any moment:')
  for (const [month, cents] of Object.entries(saas.business.state.revenue)) console.log(`  ${month} ${money(cents)}`)
  for (const at of [BEGIN, monthEnd(BEGIN), clock.now().wallMs]) {
    const { plans } = businessAsOf(saas.ledger, at)
    const { used, invoices } = tenantAsOf(saas.ledger, 'harbour', at)
    const day = new Date(at).toISOString().slice(0, 10)
    console.log(`  ${day}: plans ${JSON.stringify(plans)}, harbour used ${used} units, has ${invoices} invoices`)
  }

  heading('Bob asks to be forgotten.')
  console.log(`  files with his address before: ${await filesWith('bob@harbour.example', directory)}`)
  await saas.erase('harbour', 'person-1', 'person-2')
  console.log(`  files with his address after:  ${await filesWith('bob@harbour.example', directory)}`)
  const events = saas.ledger.getAll().filter(({ by }) => by === 'person-2').length
  console.log(`  his ${events} events stay in the books, by person-2`)

  heading('The end of the trail of attempts:')
  const attempts = saas.trail.getAll().filter(({ type }) => type === 'attempt')
  for (const { tenant, by, command, outcome } of attempts.slice(-3)) {
    console.log(`  ${by} of ${tenant}: ${JSON.stringify(command)} ${outcome}`)
  }
  await saas.stop()
  await system.close()
}

await program(async () => {
  const { values } = options(flags)
  const months = numberOf('months', values.months, { min: 1, max: 120 })
  if (values.folder === undefined) {
    const directory = await mkdtemp(join(tmpdir(), 'keelson-saas-'))
    await story(directory, months)
    await rm(directory, { recursive: true })
  } else {
    await mkdir(values.folder, { recursive: true })
    await access(values.folder, constants.W_OK)
    await story(values.folder, months)
    console.log(
      `\nThe journals are in ${values.folder}. Look at them with \`npx keelson journal cat ${values.folder}/ledger\`.`,
    )
  }
})
