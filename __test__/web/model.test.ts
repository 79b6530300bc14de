import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { Model, Rows } from '../../web/model.js'
import type { Cell, Column, Frame, Hello, Page, Row, Update } from '../../web/protocol.d.ts'
import { kinds } from './support/kinds.ts'
import { type Table, updateOf, viewOf } from './support/views.ts'

const hello: Hello = {
  type: 'hello',
  v: 1,
  package: '0.1.0',
  pid: 1,
  node: '20.20.2',
  title: 'orders',
  startedAt: 1000,
  refreshMs: 250,
  actions: false,
  kinds,
}

const update = (at: number, rest: Partial<Update> = {}): Update => ({ type: 'update', at, ...rest })

/** A model that watches `watched`, a label to a kind each. */
function modelWith(watched: Record<string, string>, ...frames: Frame[]): Model {
  const model = new Model()
  model.watch(new Map(Object.entries(watched)))
  for (const frame of [hello, ...frames]) model.apply(frame)
  return model
}

const columns: readonly Column[] = [
  { name: 'name', type: 'text' },
  { name: 'mailbox', type: 'gauge' },
]
const page = (rows: readonly Row[], rest: Partial<Page> = {}): Page => ({
  type: 'page',
  table: 'a',
  kind: 'process',
  at: 0,
  total: rows.length,
  matching: rows.length,
  offset: 0,
  rows,
  more: false,
  ...rest,
})
const stateOf = ({ order, cells, total, matching }: Rows): unknown => ({
  order,
  cells: new Map(cells),
  total,
  matching,
})

/** Generates the changes of a table between two frames. */
const step = fc.array(
  fc.record({
    key: fc.integer({ min: 0, max: 12 }),
    name: fc.constantFrom('a', 'b', 'ab'),
    value: fc.option(fc.nat(5)),
  }),
  { maxLength: 6 },
)
const query = fc.record({
  by: fc.constantFrom('name', 'mailbox', 'none'),
  desc: fc.boolean(),
  offset: fc.nat(4),
  limit: fc.integer({ min: 1, max: 8 }),
  filter: fc.constantFrom('', 'A', 'b'),
})

describe('rows', () => {
  test('random sequences of frames lead to the state of a full page', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), query, fc.integer({ min: 1, max: 5 }), (steps, asked, size) => {
        const table = new Map<string, readonly Cell[]>()
        const watched = { table: 'a', kind: 'process', ...asked }
        const pagesOf = (seen: ReturnType<typeof viewOf>): Page[] => {
          const all: Row[] = seen.order.map((key) => [key, seen.cells.get(key) as readonly Cell[]])
          const parts = Math.max(1, Math.ceil(all.length / size))
          const { total, matching } = seen
          return Array.from({ length: parts }, (_, part) =>
            page(all.slice(part * size, (part + 1) * size), {
              total,
              matching,
              offset: asked.offset + part * size,
              more: part < parts - 1,
            }),
          )
        }
        let seen = viewOf(table, columns, watched)
        const rows = new Rows()
        for (const part of pagesOf(seen)) rows.page(part)
        for (const [index, changes] of steps.entries()) {
          for (const { key, name, value } of changes) {
            if (value === null) table.delete(String(key))
            else table.set(String(key), [name, value])
          }
          const [change, next] = updateOf(seen, table as Table, columns, watched)
          seen = next
          // A server that a client could not follow sends whole pages again.
          if (index % 5 === 4) for (const part of pagesOf(seen)) rows.page(part)
          else if (change !== undefined) rows.update(change)
          const whole = new Rows()
          for (const part of pagesOf(seen)) whole.page(part)
          expect(stateOf(rows)).toEqual(stateOf(whole))
        }
      }),
    )
  })

  test('a row of which nothing but its change came is not shown', () => {
    const rows = new Rows()
    rows.page(page([['1', ['a', 0]]]))
    rows.update({ table: 'a', changed: [['2', ['b', 0]]] })
    expect(rows.order).toEqual(['1'])
    expect([...rows.cells.keys()]).toEqual(['1'])
  })
})

describe('the model', () => {
  test('leaves out frames of tables that are no longer watched', () => {
    const model = modelWith({ a: 'process' }, page([['1', ['1', 'one']]]))
    model.watch(new Map([['b', 'process']]))
    model.apply(page([['2', ['2', 'two']]]))
    model.apply(update(5, { tables: [{ table: 'a', order: ['2'], changed: [['2', ['2', 'two']]] }] }))
    expect([...model.tables.keys()]).toEqual([])
    model.apply(page([['3', ['3', 'three']]], { table: 'b' }))
    expect(model.tables.get('b')?.order).toEqual(['3'])
  })

  test('keeps the names of rows it has seen, and shows a key without one as it is', () => {
    const model = modelWith({ a: 'process' }, page([['p1', ['p1', 'cart']]]))
    expect([model.nameOf('p1'), model.nameOf('p9')]).toEqual(['cart', 'p9'])
  })

  test('makes rates of totals, and none across a reconnection', () => {
    const model = modelWith({}, update(1000, { totals: { processes: 3, messages: 100 } }))
    model.apply(update(3000, { totals: { messages: 400 } }))
    expect(model.history.last('messages')).toBe(150)
    expect(model.history.last('processes')).toBe(3)
    model.apply(hello)
    model.apply(update(9000, { totals: { messages: 9000 } }))
    expect(model.history.last('messages')).toBeNull()
    expect(model.history.times).toHaveLength(4)
    model.apply(update(10_000, { totals: { messages: 9010 } }))
    expect(model.history.last('messages')).toBe(10)
  })

  test('forgets everything when another process answers under the same address', () => {
    const model = modelWith({ a: 'process' }, page([['p1', ['p1', 'cart']]]), update(1000, { totals: { messages: 4 } }))
    const event = { seq: 1, at: 1, event: 'crashed', kind: 'process', key: 'p1', name: 'cart', text: '' }
    model.apply(update(1500, { events: [event], dropped: 7 }))
    model.apply({ ...hello, pid: 2 })
    expect([model.hello?.pid, model.events, model.crashes, model.dropped]).toEqual([2, [], [], 0])
    expect([model.totals, model.history.times, model.nameOf('p1')]).toEqual([{}, [], 'p1'])
  })

  test('bounds the log, and keeps crashes longer than the rest', () => {
    const model = modelWith({})
    const event = (seq: number, name = 'started'): NonNullable<Update['events']>[number] => ({
      seq,
      at: seq,
      event: name,
      kind: 'process',
      key: `p${seq}`,
      name: `n${seq}`,
      text: '',
    })
    model.apply(update(1, { events: [event(1, 'crashed'), event(2)] }))
    expect(model.events.map(({ seq }) => seq)).toEqual([2, 1])
    model.apply(update(2, { events: Array.from({ length: 900 }, (_, index) => event(index + 3)) }))
    expect(model.events).toHaveLength(500)
    expect(model.events[0]?.seq).toBe(902)
    expect(model.crashes.map(({ key }) => key)).toEqual(['p1'])
  })

  test('keeps what an update leaves out', () => {
    const loop = { thread: 'main', running: 1, idle: 1, blocked: 40, longest: 20, stalls: 2, stalled: null }
    const model = modelWith({}, update(1000, { loops: [loop], memory: { rss: 5, heapUsed: 1 }, dropped: 3 }))
    model.apply(update(2000, { memory: { heapUsed: 2 } }))
    expect([model.loops, model.memory, model.dropped]).toEqual([[loop], { rss: 5, heapUsed: 2 }, 3])
  })

  test('draws the blocked time of each loop as milliseconds a second', () => {
    const loop = { thread: 'main', running: 1, idle: 1, blocked: 100, longest: 20, stalls: 2, stalled: null }
    const model = modelWith({}, update(1000, { loops: [loop] }))
    model.apply(update(1500, { loops: [{ ...loop, blocked: 250 }] }))
    expect(model.history.last('blocked main')).toBe(300)
  })

  test('samples every route that is watched: terms as they are, counters as rates', () => {
    const cells = (R: number, admitted: number): Cell[] =>
      kinds['route']!.map(
        ({ name, type }) => ({ name: 'db', R, admitted } as Record<string, Cell>)[name] ?? (type === 'text' ? '' : 0),
      )
    const rows: Row[] = [['db', cells(12, 100)]]
    const model = modelWith({ routes: 'route' }, page(rows, { table: 'routes', kind: 'route' }), update(1000))
    model.apply(update(2000, { tables: [{ table: 'routes', changed: [['db', cells(40, 130)]] }] }))
    const history = model.historyOf('route', 'db')
    expect(history.lines['R']).toEqual([12, 40])
    expect(history.lines['admitted']).toEqual([null, 30])
  })
})
