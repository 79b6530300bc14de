// Charts: as text for a terminal, and as SVG for a file.

/** A line of a chart: y at each x. */
export interface Series {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

export interface Chart {
  readonly title: string
  readonly xLabel: string
  readonly series: readonly Series[]
  /** Stretches of time with a name, below the chart. */
  readonly bands: readonly { readonly from: number; readonly to: number; readonly name: string }[]
}

const MARKS = ['·', '+', '#', 'o']
const COLOURS = ['#8a8a8a', '#d97706', '#2563eb', '#16a34a']
const MARGIN = 48

const boundsOf = ({ series }: Chart): { maxX: number; maxY: number } => {
  const points = series.flatMap((one) => one.points)
  return { maxX: Math.max(...points.map(([x]) => x)), maxY: Math.max(1, ...points.map(([, y]) => y)) }
}

/** The mean of a series in each of `columns` equal parts; `undefined` for a part without points. */
function columnsOf({ points }: Series, columns: number, maxX: number): (number | undefined)[] {
  const sums = Array.from({ length: columns }, () => ({ sum: 0, count: 0 }))
  for (const [x, y] of points) {
    const column = sums[Math.min(columns - 1, Math.floor((x / maxX) * columns))]
    if (column === undefined) continue
    column.sum += y
    column.count += 1
  }
  return sums.map(({ sum, count }) => (count === 0 ? undefined : sum / count))
}

/** Draws a chart with a mark for each series. Where marks meet, the later series is seen. */
export function textOf(chart: Chart, { columns = 72, rows = 12 } = {}): string {
  const { maxX, maxY } = boundsOf(chart)
  const grid = Array.from({ length: rows }, () => Array.from({ length: columns }, () => ' '))
  chart.series.forEach((series, index) => {
    columnsOf(series, columns, maxX).forEach((y, column) => {
      if (y === undefined) return
      const row = rows - 1 - Math.round((y / maxY) * (rows - 1))
      const line = grid[row]
      if (line !== undefined) line[column] = MARKS[index % MARKS.length] ?? '*'
    })
  })
  const label = (row: number): string => {
    const isLabelled = row === 0 || row === rows - 1
    return (isLabelled ? (maxY * (1 - row / (rows - 1))).toFixed(0) : '').padStart(6)
  }
  const bands = Array.from({ length: columns }, () => ' ')
  for (const { from, to, name } of chart.bands) {
    const [first, last] = [from, to].map((x) => Math.round((x / maxX) * columns)) as [number, number]
    const text = `|${name.slice(0, last - first - 1).padEnd(last - first - 1)}`
    bands.splice(first, last - first, ...text)
  }
  const legend = chart.series.map(({ name }, index) => `${MARKS[index % MARKS.length]} ${name}`).join('   ')
  const end = `${maxX.toFixed(0)} ${chart.xLabel}`
  return [
    `${chart.title}   ${legend}`,
    ...grid.map((line, row) => `${label(row)} │${line.join('')}`),
    `${' '.repeat(6)} └${'─'.repeat(columns)}`,
    `${' '.repeat(8)}0${end.padStart(columns - 1)}`,
    `${' '.repeat(8)}${bands.join('')}`,
  ]
    .map((line) => line.trimEnd())
    .join('\n')
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** Returns the charts as one SVG image, each below the other. */
export function svgOf(charts: readonly Chart[], { width = 800, height = 300 } = {}): string {
  const parts = charts.map(
    (chart, index) => `<g transform="translate(0 ${index * height})">${chartSvg(chart, width, height)}</g>`,
  )
  const size = `width="${width}" height="${height * charts.length}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
${parts.join('\n')}
</svg>
`
}

function chartSvg(chart: Chart, width: number, height: number): string {
  const { maxX, maxY } = boundsOf(chart)
  const right = width - 16
  const bottom = height - MARGIN
  const px = (x: number): string => (MARGIN + (x / maxX) * (right - MARGIN)).toFixed(1)
  const py = (y: number): string => (bottom - (y / maxY) * (bottom - MARGIN)).toFixed(1)
  const bands = chart.bands.map(({ from, to, name }, index) => {
    const box = `x="${px(from)}" y="${MARGIN}" width="${Number(px(to)) - Number(px(from))}" height="${bottom - MARGIN}"`
    const shade = `<rect ${box} fill="#000" opacity="${index % 2 === 0 ? 0.03 : 0.08}"/>`
    return `${shade}<text x="${px(from)}" y="${bottom + 32}">${escaped(name)}</text>`
  })
  const lines = chart.series.map(({ points }, index) => {
    const path = points.map(([x, y]) => `${px(x)},${py(y)}`).join(' ')
    return `<polyline points="${path}" fill="none" stroke="${COLOURS[index % COLOURS.length]}" stroke-width="1.5"/>`
  })
  const legend = chart.series.map(({ name }, index) => {
    const fill = COLOURS[index % COLOURS.length]
    return `<text x="${MARGIN + index * 140}" y="40" fill="${fill}">${escaped(name)}</text>`
  })
  const axes = `<path d="M${MARGIN} ${MARGIN}V${bottom}H${right}" fill="none" stroke="black"/>`
  const labels = `<text x="4" y="${MARGIN + 4}">${maxY.toFixed(0)}</text><text x="4" y="${bottom}">0</text>
<text x="${right}" y="${bottom + 16}" text-anchor="end">${maxX.toFixed(0)} ${escaped(chart.xLabel)}</text>`
  const title = `<text x="${MARGIN}" y="20" font-weight="bold">${escaped(chart.title)}</text>`
  return [title, ...bands, axes, labels, ...lines, ...legend].join('\n')
}
