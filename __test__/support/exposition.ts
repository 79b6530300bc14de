/** Parses Prometheus's text format (version 0.0.4) strictly: what a scraper would refuse throws. */

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface MetricFamily {
  readonly type: string
  readonly samples: Sample[]
}

export interface Exposition {
  readonly families: ReadonlyMap<string, MetricFamily>
  /** Returns the value of the only series with these labels, or more. */
  value(name: string, labels?: Readonly<Record<string, string>>): number
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|\})/
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?|Inf)$|^NaN$/i

const unescaped = (text: string): string =>
  text.replaceAll(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter))

function sampleOf(line: string): { name: string; sample: Sample } {
  const name = NAME.exec(line)?.[0]
  if (name === undefined) throw new Error(`no name: ${line}`)
  let rest = line.slice(name.length)
  const labels: Record<string, string> = {}
  if (rest.startsWith('{')) {
    rest = rest.slice(1)
    for (;;) {
      const match = LABEL.exec(rest)
      if (match === null) throw new Error(`no label: ${line}`)
      const [all, label, value, end] = match as unknown as [string, string, string, string]
      if (label in labels) throw new Error(`a label twice: ${line}`)
      labels[label] = unescaped(value)
      rest = rest.slice(all.length)
      if (end === '}') break
    }
  }
  const text = rest.slice(1)
  if (!rest.startsWith(' ') || !NUMBER.test(text)) throw new Error(`no number: ${line}`)
  return { name, sample: { labels, value: Number(text.replace('Inf', 'Infinity')) } }
}

/** Parses a text. */
export function parseExposition(text: string): Exposition {
  const families = new Map<string, MetricFamily>()
  const helped = new Set<string>()
  let current: string | undefined
  const seen = new Set<string>()
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  for (const line of text.slice(0, -1).split('\n')) {
    const [, mark, name, rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (mark === 'HELP') {
      if (helped.has(name as string)) throw new Error(`two helps: ${line}`)
      helped.add(name as string)
    } else if (mark === 'TYPE') {
      if (families.has(name as string)) throw new Error(`two types: ${line}`)
      families.set((current = name as string), { type: rest as string, samples: [] })
    } else {
      const { name: family, sample } = sampleOf(line)
      const series = `${family}${JSON.stringify(Object.entries(sample.labels).toSorted())}`
      if (family !== current || seen.has(series)) throw new Error(`out of order, or twice: ${line}`)
      seen.add(series)
      families.get(family)?.samples.push(sample)
    }
  }
  return {
    families,
    value(name, labels = {}) {
      const found = families
        .get(name)
        ?.samples.filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
      if (found?.length !== 1) throw new Error(`${found?.length ?? 0} series of ${name} ${JSON.stringify(labels)}`)
      return (found[0] as Sample).value
    },
  }
}
