// A run as a picture: a lane a node, time downward, and an arrow a message.
import type { SimulationEvent } from 'keelson/simulation'

const LEFT = 90
const TOP = 96
const LANE = 250
const ROW = 34
const RIGHT = 130
const MOST_LETTERS = 38
const MESSAGES = new Set(['call', 'cast', 'info', 'stop'])

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
const short = (text: string): string => (text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS - 1)}…` : text)
const nameOf = (node: string): string => (node === '' ? 'the program' : node)
const timeOf = ({ at }: SimulationEvent): string => `${Math.round(at)} ms`

/** Describes an event in words. */
function inWords(event: SimulationEvent, from: string | undefined): string {
  const { node, kind, process, message } = event
  const what = `${kind}${process === '' ? '' : ` to ${process}`}${message === '' ? '' : `: ${message}`}`
  if (from === undefined) return `${timeOf(event)}, ${nameOf(node)}: ${what}`
  return `${timeOf(event)}, from ${nameOf(from)} to ${nameOf(node)}: ${what}`
}

/** The places of a picture. */
interface Plan {
  readonly events: readonly SimulationEvent[]
  readonly lanes: readonly string[]
  /** The row of each event, by its number. */
  readonly rows: ReadonlyMap<number, number>
}

const x = ({ lanes }: Plan, node: string): number => LEFT + LANE * (lanes.indexOf(node) + 0.5)
const y = (row: number): number => TOP + ROW * (row + 0.5)

function planOf(events: readonly SimulationEvent[]): Plan {
  const nodes = [...new Set(events.map(({ node }) => node))].filter((node) => node !== '')
  const rows = new Map(events.map(({ number }, row) => [number, row]))
  return { events, lanes: ['', ...nodes], rows }
}

/** Returns the event after which a message was sent; `undefined` for one that the program sent first. */
const causeOf = ({ events, rows }: Plan, { cause }: SimulationEvent): SimulationEvent | undefined =>
  cause === undefined ? undefined : events[rows.get(cause) ?? -1]

/** A text on white ground, so that lines below it do not hide it. */
const label = (left: number, baseline: number, text: string): string =>
  `<text x="${left}" y="${baseline}" stroke="white" stroke-width="4" paint-order="stroke">${escaped(short(text))}</text>`

/** A shape, and its label. All labels are drawn above all shapes. */
type Drawn = readonly [shape: string, label: string]

/** A message: an arrow from where it was sent to where it is handled. */
function arrow(plan: Plan, event: SimulationEvent, row: number): Drawn {
  const cause = causeOf(plan, event)
  const from = cause?.node ?? ''
  const sent = cause === undefined ? row : (plan.rows.get(cause.number) ?? row)
  const [x1, x2] = [x(plan, from), x(plan, event.node)]
  const text = label(x2 + 8, y(row) + 4, `${event.process} ${event.message}`)
  const line =
    x1 === x2
      ? `<circle cx="${x2}" cy="${y(row)}" r="4"/>`
      : `<line x1="${x1}" y1="${y(sent)}" x2="${x2}" y2="${y(row)}" stroke="currentColor" marker-end="url(#head)"/>`
  return [`<g class="message"><title>${escaped(inWords(event, from))}</title>${line}</g>`, text]
}

/** The rows that a pause lasts. */
function rowsOfPause({ events }: Plan, { at, message }: SimulationEvent, row: number): number {
  const end = events.findIndex((event) => event.at >= at + Number.parseFloat(message))
  return (end < 0 ? events.length : end) - row
}

/** Anything else: a mark on its lane, red for a fault. A pause is as long as the node stands still. */
function mark(plan: Plan, event: SimulationEvent, row: number): Drawn {
  const { node, kind, process, message } = event
  const isFault = kind === 'crash' || kind === 'pause' || kind === 'jump'
  const fill = isFault ? '#b91c1c' : '#4b5563'
  const length = kind === 'pause' ? ROW * rowsOfPause(plan, event, row) - 10 : 10
  const shape = `<rect x="${x(plan, node) - 5}" y="${y(row) - 5}" width="10" height="${length}"/>`
  const text = label(x(plan, node) + 8, y(row) + 4, `${kind} ${process} ${message}`)
  const name = isFault ? 'fault' : 'mark'
  const title = `<title>${escaped(inWords(event, undefined))}</title>`
  return [`<g class="${name}" fill="${fill}">${title}${shape}</g>`, `<g fill="${fill}">${text}</g>`]
}

/** Returns an SVG image of a run. Its description lists the events in words. */
export function svgOf(title: string, error: string, events: readonly SimulationEvent[]): string {
  const plan = planOf(events)
  const [width, height] = [LEFT + LANE * plan.lanes.length + RIGHT, TOP + ROW * (events.length + 1)]
  const lanes = plan.lanes.map((node) => {
    const at = x(plan, node)
    const name = `<text x="${at}" y="${TOP - 12}" text-anchor="middle" font-weight="bold">${escaped(nameOf(node))}</text>`
    return `<g class="lane">${name}<line x1="${at}" y1="${TOP}" x2="${at}" y2="${height - ROW / 2}" stroke="#9ca3af"/></g>`
  })
  const rows = events.map((event, row) => {
    const isNew = row === 0 || timeOf(event) !== timeOf(events[row - 1] as SimulationEvent)
    const time = isNew ? `<text x="${LEFT - 16}" y="${y(row) + 4}" text-anchor="end">${timeOf(event)}</text>` : ''
    const [shape, text] = MESSAGES.has(event.kind) ? arrow(plan, event, row) : mark(plan, event, row)
    return [shape, `${time}${text}`]
  })
  const words = events.map((event) => {
    const isMessage = MESSAGES.has(event.kind)
    return inWords(event, isMessage ? (causeOf(plan, event)?.node ?? '') : undefined)
  })
  const head = '<path d="M0 0L8 4L0 8z"/>'
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title description" font-family="sans-serif" font-size="12" color="#111827" fill="#111827">
<title id="title">${escaped(title)}</title>
<desc id="description">${escaped([`It fails: ${error}.`, ...words].join('\n'))}</desc>
<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">${head}</marker></defs>
<rect width="100%" height="100%" fill="white"/>
<text x="16" y="28" font-size="16" font-weight="bold">${escaped(title)}</text>
<text x="16" y="50" fill="#b91c1c">${escaped(error)}</text>
${[...lanes, ...rows.map(([shape]) => shape), ...rows.map(([, text]) => text)].join('\n')}
</svg>
`
}
