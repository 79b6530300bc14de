/**
 * Random trees of calls, casts, messages of a bus, timers, waits and failures: the spans, their parents and their links
 * are those that the rules say, and no span stays open.
 */
import { SpanStatusCode } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import * as fc from 'fast-check'
import { instrument } from 'keelson/opentelemetry'
import { afterAll, expect, it } from 'vitest'

import { endedSpans, openSpans, resetSpans } from '../support/opentelemetry.ts'
import { Reach, runsOf, same, sampleOf } from '../support/programs.ts'
import { createStage } from '../support/system.ts'
import { KINDS, program, type WantedSpan, wantedSpans } from './model/program.ts'
import { World } from './model/world.ts'

const reach = new Reach()
afterAll(() => reach.print('spans of messages'))

/** Returns the name of a span in the model: its operation and the number of its message. */
function nameOf({ name, attributes }: ReadableSpan): string {
  const type = attributes['keelson.message.type']
  return typeof type === 'string' ? `${name.split(' ')[0]} ${type.slice(1)}` : name
}

function foundSpans(): WantedSpan[] {
  const spans = endedSpans()
  const names = new Map(spans.map((span) => [span.spanContext().spanId, nameOf(span)]))
  return spans.map((span) => ({
    name: nameOf(span),
    parent: span.parentSpanContext === undefined ? undefined : (names.get(span.parentSpanContext.spanId) ?? 'unknown'),
    links: span.links.map(({ context }) => names.get(context.spanId) ?? 'unknown'),
    fails: span.status.code === SpanStatusCode.ERROR,
  }))
}

const inOrder = (spans: readonly WantedSpan[]): WantedSpan[] =>
  spans.toSorted((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0))

it('21 the spans of random programs belong to each other as the rules say', async () => {
  await fc.assert(
    fc.asyncProperty(program, async (each) => {
      reach.program(each.ops.map(({ kind }) => kind))
      const stage = createStage({ seed: 1, crashReports: false } as never)
      const world = new World(stage, each)
      instrument(stage.system, { castSpans: each.castSpans })
      await world.start()
      resetSpans()
      world.begin()
      const wanted = wantedSpans(each)
      for (let round = 0; round < 200 && endedSpans().length < wanted.length; round++) await stage.clock.advance(1)
      await stage.clock.advance(5)
      same(inOrder(foundSpans()), inOrder(wanted))
      same(openSpans(), 0)
      same(world.restartsInSpans, 0)
      if (world.restarts > 0) reach.fault('a restart')
      if (wanted.some(({ fails }) => fails)) reach.fault('a handler failed')
      if (wanted.some(({ links }) => links.length > 0)) reach.fault('a link')
      await stage.system.close()
      same(openSpans(), 0)
      resetSpans()
    }),
    runsOf('spans of messages', 150),
  )
})

it('the programs are long, and every pair of operations comes up', () => {
  const sample = sampleOf(program)
  expect(sample.median).toBeGreaterThanOrEqual(12)
  expect(sample.missing(KINDS)).toEqual([])
})
