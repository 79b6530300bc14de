import { type Chart, svgOf, textOf } from './plot.mjs'

const chart: Chart = {
  title: 'load',
  xLabel: 's',
  series: [
    { name: 'rising', points: [0, 1, 2, 3].map((x) => [x, x] as const) },
    { name: 'flat', points: [0, 1, 2, 3].map((x) => [x, 3] as const) },
  ],
  bands: [
    { from: 0, to: 1.5, name: 'a & b' },
    { from: 1.5, to: 3, name: 'late' },
  ],
}

test('a text plot has a mark for each column, axes, a legend and bands', () => {
  expect(textOf(chart, { columns: 16, rows: 4 })).toBe(
    [
      'load   · rising   + flat',
      '     3 │+    +    +    +',
      '       │          ·',
      '       │     ·',
      '     0 │·',
      '       └────────────────',
      '        0            3 s',
      '        |a & b  |late',
    ].join('\n'),
  )
})

test('a plot of nothing but zeros has a scale', () => {
  const zeros = { ...chart, series: [{ name: 'none', points: [[0, 0] as const, [3, 0] as const] }] }
  expect(textOf(zeros, { columns: 8, rows: 2 }).split('\n').slice(1, 3)).toEqual(['     1 │', '     0 │·      ·'])
})

test('an SVG has a line for each series, and text that is escaped', () => {
  const svg = svgOf([chart, chart])
  expect(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg" width="800" height="600"')).toBe(true)
  expect(svg.match(/<polyline /g)).toHaveLength(4)
  expect(svg).toContain('a &amp; b')
  expect(svg).not.toMatch(/NaN|undefined|Infinity/)
  const opened = svg.match(/<(g|text|svg)\b/g)?.length
  expect(svg.match(/<\/(g|text|svg)>/g)).toHaveLength(opened ?? 0)
})
