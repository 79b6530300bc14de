// Two labs for the gate of keelson/atrion, on a controlled clock: one seed gives one result, on any machine.
//
//   npm run example -- atrion-labs shop                      a shop on its busiest day
//   npm run example -- atrion-labs recovery                  a service that fails, recovers and flaps
//   npm run example -- atrion-labs recovery --seed 7         another fate
//   npm run example -- atrion-labs shop --svg shop.svg       the plots as an image, too
import { openSync, writeFileSync } from 'node:fs'

import { numberOf, options } from '../lib/options.mjs'
import { program, Refusal } from '../lib/program.mjs'
import { type Chart, svgOf, textOf } from './plot.mjs'
import { closedAt, recoveryCharts, recoveryLab, recoveryTable } from './recovery.mjs'
import { shopChart, shopLab, shopTable } from './shop.mjs'

async function shop(seed: number): Promise<Chart[]> {
  console.log('A shop whose database can do a hundred queries a second. Customers leave after two seconds.\n')
  const results = await shopLab(seed)
  console.log(`Answered in time, by page:\n\n${shopTable(results)}\n`)
  return [shopChart(results)]
}

async function recovery(seed: number): Promise<Chart[]> {
  console.log('Fifty calls a second to a service that fails, recovers, flaps, and recovers.\n')
  const results = await recoveryLab(seed)
  console.log(`${recoveryTable(results)}\n`)
  const closed = results.map(closedAt).find((sample) => sample !== undefined)
  if (closed !== undefined) {
    console.log(
      `The gate admits calls again at R = ${closed.r.toFixed(1)} Ω, below ${closed.recoveryAt.toFixed(1)} Ω.\n`,
    )
  }
  return recoveryCharts(results, seed)
}

const labs: Readonly<Record<string, (seed: number) => Promise<Chart[]>>> = { shop, recovery }

await program(async () => {
  const words = Object.keys(labs)
  const flags = { seed: { type: 'string', default: '1' }, svg: { type: 'string' } } as const
  const { values, positionals } = options(flags, { words })
  const lab = labs[positionals[0] ?? '']
  if (lab === undefined || positionals.length > 1) throw new Refusal(`Name one lab: ${words.join(' or ')}.`)
  // Before the work, so that nobody waits for a file that cannot be written.
  const file = values.svg === undefined ? undefined : openSync(values.svg, 'w')
  const charts = await lab(numberOf('seed', values.seed, { min: 0, max: 2 ** 32 - 1 }))
  console.log(charts.map((chart) => textOf(chart)).join('\n\n'))
  if (file !== undefined) writeFileSync(file, svgOf(charts))
})
