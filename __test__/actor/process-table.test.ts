import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { Process } from '../../js/actor/process.ts'
import { ProcessTable } from '../../js/actor/process-table.ts'
import { runsOf } from '../support/programs.ts'

/** The bits of a pid above its slot. */
const GENERATION = 2 ** 32

const step = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ do: 'start' as const }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('end' as const), which: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('forget' as const), which: fc.nat() }) },
)

describe('the table of processes', () => {
  it('lists the living in the order of their starts, however often slots are used again', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 1000, size: 'max' }), (steps) => {
        const table = new ProcessTable()
        const alive: Process[] = []
        const ended: Process[] = []
        const free: number[] = []
        let slots = 0
        let generation = 0
        for (const each of steps) {
          if (each.do === 'start') {
            const slot = free.pop() ?? slots++
            const process = { pid: ++generation * GENERATION + slot, isService: generation % 3 === 0 } as Process
            table.add(process)
            alive.push(process)
          } else if (each.do === 'end' && alive.length > 0) {
            const [process] = alive.splice(each.which % alive.length, 1) as [Process]
            table.ended(process)
            ended.push(process)
            expect(table.at(process.pid)).toBe(process)
          } else if (each.do === 'forget' && ended.length > 0) {
            const [process] = ended.splice(each.which % ended.length, 1) as [Process]
            table.forget(process)
            free.push(process.pid % GENERATION)
            expect(table.at(process.pid)).toBeUndefined()
          }
          expect(table.count).toBe(alive.length)
        }
        expect(table.alive).toEqual(alive)
        expect(table.size).toBe(alive.length + ended.length)
        expect([...table.services]).toEqual(alive.filter(({ isService }) => isService))
        const { list, slots: inOrder } = table
        expect(Array.from(inOrder, (_, place) => list.at(place))).toEqual(alive)
        expect(list.length).toBe(alive.length)
      }),
      runsOf('tables of processes', 200),
    )
  })
})
