// What a reader and a machine get to see of the measurements.

/** Three significant digits. */
export const digits = (value) =>
  value === null ? '–' : Number(value.toPrecision(3)).toLocaleString('en', { maximumFractionDigits: 6 })

export const heading = `ratio = ours / peer, of medians over the rounds; a cost, so lower is better and 1 is equal.
The range is the middle half of the rounds: of the ratios, or of our value where there is no peer.
`

function barText(bar) {
  if (!bar) return ''
  return `${bar.met ? 'met' : 'MISSED'} (${bar.kind} <= ${digits(bar.limit)})`
}

/** One line: the ratio first, then what it is made of. */
export function lineOf(row) {
  const ratio = row.ratio === null ? '     –' : digits(row.ratio).padStart(6)
  const range = `[${row.spread.map(digits).join(' .. ')}]`
  const peer = row.peer === null ? '' : ` against ${digits(row.peer)} (${row.peerName})`
  const parts = [
    `${ratio}  ${range}`.padEnd(28),
    row.case,
    `— ${digits(row.ours)} ${row.unit}${peer}`,
    barText(row.bar),
  ]
  return parts.join('  ').trimEnd()
}

/** The rows as the JSON file holds them. */
export const plainRows = (rows) =>
  rows.map(({ suite, case: name, ours, peer, unit, ratio, rounds }) => ({
    suite,
    case: name,
    ours,
    peer,
    unit,
    ratio,
    rounds,
  }))

export const missed = (rows) => rows.filter(({ bar }) => bar && !bar.met)
