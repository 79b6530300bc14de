import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { explore, replay, type SimulationFailure, type SimulationOptions } from 'keelson/simulation'

import { programs } from '../lib/programs.mjs'
import { svgOf } from './picture.mjs'
import { scenarios } from './scenarios.mjs'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'simulation-'))
})
afterAll(() => rm(folder, { recursive: true }))

const names = ['bank', 'lock'] as const

async function failureOf(name: (typeof names)[number], seed = 1): Promise<SimulationFailure> {
  const { program, faults } = scenarios[name]
  const search: SimulationOptions = { runs: 1000, seed, faults, folder, print: () => {} }
  const { failure } = await explore(program(false), search)
  if (failure === undefined) throw new Error(`${name} was not found`)
  return failure
}

/** The names of the tags of an image that are open at its end, and of those that close what is not open. */
function faultsOf(svg: string): string[] {
  const open: string[] = []
  const faults: string[] = []
  for (const [, end, name = '', , isEmpty] of svg.matchAll(/<(\/?)([a-z]+)((?: [\w:-]+="[^"<]*")*)(\/?)>/gi)) {
    if (end === '/') {
      if (open.pop() !== name) faults.push(name)
    } else if (isEmpty !== '/') open.push(name)
  }
  return [...open, ...faults]
}

describe.each(names)('the %s', (name) => {
  test('shows its bug in a run of few choices', async () => {
    for (const seed of [1, 2, 3]) {
      const { choices } = await failureOf(name, seed)
      const deviations = choices.filter(({ value }) => value !== 0).length
      expect(deviations).toBeGreaterThan(0)
      expect(deviations).toBeLessThanOrEqual(10)
    }
  })

  test('fails again from its file', async () => {
    const failure = await failureOf(name)
    const again = (await replay(failure.file ?? '', scenarios[name].program(false))).failure
    expect([String(again?.error), again?.events]).toEqual([String(failure.error), failure.events])
  })

  test('passes once it is mended', async () => {
    const { program, faults } = scenarios[name]
    const { failure } = await explore(program(true), { runs: programs(1000), seed: 1, faults, folder })
    expect(failure?.report).toBe(undefined)
  })

  test('does not show its bug in the order of production', async () => {
    const { program } = scenarios[name]
    const { failure } = await explore(program(false), { runs: 1, schedule: 'fifo', folder })
    expect(failure?.report).toBe(undefined)
  })

  test('has a picture with a lane for each node and an arrow for each message', async () => {
    const { events, error } = await failureOf(name)
    const svg = svgOf('A title', (error as Error).message, events)
    expect(faultsOf(svg)).toEqual([])
    const nodes = [...new Set(events.map(({ node }) => node))].filter((node) => node !== '')
    expect(svg.match(/class="lane"/g)?.length).toBe(nodes.length + 1)
    for (const node of nodes) expect(svg).toContain(`font-weight="bold">${node}</text>`)
    const messages = events.filter(({ kind }) => ['call', 'cast', 'info', 'stop'].includes(kind)).length
    expect(messages).toBeGreaterThan(0)
    expect(svg.match(/class="message"/g)?.length).toBe(messages)
    expect(svg.match(/marker-end/g)?.length).toBe(messages)
  })

  test('has a picture that can be read aloud', async () => {
    const { events, error } = await failureOf(name)
    const svg = svgOf('A title', (error as Error).message, events)
    expect(svg).toContain('role="img" aria-labelledby="title description"')
    expect(svg).toContain('<title id="title">A title</title>')
    const description = /<desc id="description">([^<]*)<\/desc>/.exec(svg)?.[1]?.split('\n') ?? []
    expect(description[0]).toBe(`It fails: ${(error as Error).message}.`)
    expect(description.length).toBe(1 + events.length)
  })

  test('has the same picture for the same seed', async () => {
    const [first, second] = [await failureOf(name), await failureOf(name)]
    expect(svgOf('', '', second.events)).toBe(svgOf('', '', first.events))
  })
})

test('the picture shows who sent a message, and quotes what it shows', () => {
  const event = { at: 0, process: 'p', cause: undefined }
  const svg = svgOf('<bank> & "more"', 'a < b', [
    { ...event, number: 7, node: 'a', kind: 'call', message: '<go>' },
    { ...event, number: 8, node: 'b', kind: 'cast', message: 'tell', cause: 7 },
    { ...event, number: 9, node: 'b', kind: 'crash', message: '' },
  ])
  expect(faultsOf(svg)).toEqual([])
  expect(svg).toContain('&lt;bank> &amp; &quot;more&quot;')
  expect(svg).toContain('0 ms, from the program to a: call to p: &lt;go>')
  expect(svg).toContain('0 ms, from a to b: cast to p: tell')
  expect(svg).toContain('<g class="fault" fill="#b91c1c"><title>0 ms, b: crash to p</title>')
})
