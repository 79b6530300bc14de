// The loopback section of docs/wind-tunnel.md: what real servers did, beside what the simulator says of the same run.
import { attempt } from './exec.mjs'
import { compileExamples, mainOf } from './examples.mjs'
import { Failure } from './failure.mjs'

/** Runs the servers; what each door came to. */
export async function measured() {
  await compileExamples()
  const { code, output } = await attempt(process.execPath, [mainOf('wind-tunnel/loopback')])
  if (code !== 0) throw new Failure('The loopback runs did not finish.', output)
  return JSON.parse(output.trim().split('\n').at(-1))
}

const cells = (line) => line.split('|').map((cell) => cell.trim())

/** The simulated figures, as [name, goodput, critical] in the order of the page. */
function simulated(page) {
  const table = page.split('| policy, simulated |')[1]?.split('\n\n')[0] ?? ''
  const rows = table.split('\n').slice(2).map(cells)
  return rows.filter((row) => row.length > 4).map((row) => [row[1], parseFloat(row[2]), parseFloat(row[3])])
}

/** Pairs of policies that are at least `apart` points apart in the simulator, and how many of them loopback puts in the same order. */
function agreement(page, found, column, apart) {
  const real = new Map(found.map((row) => [row.name, [row.goodput, row.critical]]))
  const known = simulated(page).filter(([name]) => real.has(name))
  const pairs = known.flatMap((a, i) => known.slice(i + 1).map((b) => [a, b]))
  const told = pairs.filter(([a, b]) => Math.abs(a[column] - b[column]) >= apart)
  const same = told.filter(
    ([a, b]) => Math.sign(a[column] - b[column]) === Math.sign(real.get(a[0])[column - 1] - real.get(b[0])[column - 1]),
  )
  return [same.length, told.length]
}

const row = ({ name, goodput, critical }) => `| ${name} | ${goodput.toFixed(1)} | ${critical.toFixed(1)} |`

const mark = '<!-- measured -->'

/** The page with the measured figures in place of the last ones. */
export function withMeasured(page, found) {
  const [before] = page.split(mark)
  const [goodput, critical] = [1, 2].map((column) => agreement(page, found, column, 10))
  return `${before.trimEnd()}

${mark}

The same with HTTP servers on 127.0.0.1, each in a process of its own in front of a simulated database (one run):

| policy, measured | goodput % | critical % |
| --- | --- | --- |
${found.map(row).join('\n')}

Pairs of policies that the simulator puts ten points apart or more, and that loopback puts in the same order: goodput ${goodput.join(' of ')}, critical ${critical.join(' of ')}.
`
}
