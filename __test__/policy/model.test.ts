/** Random programs on a registry of policies by key, against a list that is searched in full. */
import * as fc from 'fast-check'
import { bulkhead, keyed } from 'keelson/effect'
import { afterAll, expect, it } from 'vitest'

import { useWorld } from '../support/policies.ts'
import { Reach, runsOf, sampleOf } from '../support/programs.ts'

const world = useWorld()
const reach = new Reach()
afterAll(() => reach.print('keyed policies'))

interface Op {
  readonly kind: 'execute' | 'get' | 'begin' | 'end' | 'delete'
  readonly key: number
}

const OPERATIONS = ['execute', 'get', 'begin', 'end', 'delete']
const op: fc.Arbitrary<Op> = fc.record({
  kind: fc.constantFrom('execute', 'execute', 'get', 'begin', 'begin', 'end', 'end', 'delete'),
  key: fc.nat(7),
})
const program = fc.record({
  maxKeys: fc.integer({ min: 1, max: 5 }),
  ops: fc.array(op, { minLength: 20, maxLength: 60, size: 'max' }),
})

interface Entry {
  readonly key: number
  /** The position of this policy among those created for the key. */
  readonly serial: number
  inFlight: number
}

/** The registry by its rules: `used` has entries, the least recently used or ended first. */
class Model {
  used: Entry[] = []
  readonly running: Entry[] = []
  created = 0
  readonly #maxKeys: number

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
  }

  use(key: number): Entry {
    const found = this.used.find((entry) => entry.key === key)
    const entry = found ?? { key, serial: ++this.created, inFlight: 0 }
    this.#move(entry)
    if (found === undefined) this.#trim(entry)
    return entry
  }

  begin(key: number): void {
    const entry = this.use(key)
    entry.inFlight++
    this.running.push(entry)
  }

  end(entry: Entry): void {
    if (--entry.inFlight > 0 || !this.used.includes(entry)) return
    this.#move(entry)
    this.#trim()
  }

  #move(entry: Entry): void {
    this.used = [...this.used.filter((one) => one !== entry), entry]
  }

  #trim(spared?: Entry): void {
    for (const entry of this.used) {
      if (this.used.length <= this.#maxKeys) return
      if (entry.inFlight > 0 || entry === spared) continue
      this.used = this.used.filter((one) => one !== entry)
      reach.fault('forgotten')
    }
  }
}

it('a registry forgets what the list says, and never a key with work in flight', async () => {
  await fc.assert(
    fc.asyncProperty(program, async ({ maxKeys, ops }) => {
      let created = 0
      const registry = keyed(
        (key: number) => bulkhead({ system: world.system, limit: 100, name: `${key} ${++created}` }),
        { maxKeys },
      )
      const model = new Model(maxKeys)
      const ends: (() => void)[] = []
      reach.program(ops.map(({ kind }) => kind))
      for (const { kind, key } of ops) {
        if (kind === 'execute') {
          // The work ends at once, on this stack.
          void registry.execute(key, () => 1)
          const entry = model.use(key)
          entry.inFlight++
          model.end(entry)
        } else if (kind === 'get') {
          const entry = model.use(key)
          expect(registry.get(key).name).toBe(`${key} ${entry.serial}`)
        } else if (kind === 'begin') {
          void registry.execute(key, () => new Promise<void>((resolve) => ends.push(resolve)))
          model.begin(key)
        } else if (kind === 'end') {
          const which = key % (ends.length || 1)
          const [end] = ends.splice(which, 1)
          const [entry] = model.running.splice(which, 1)
          end?.()
          for (let turn = 0; turn < 4; turn++) await Promise.resolve()
          if (entry !== undefined) model.end(entry)
        } else {
          expect(registry.delete(key)).toBe(model.used.some((entry) => entry.key === key))
          model.used = model.used.filter((entry) => entry.key !== key)
        }
        expect(created).toBe(model.created)
        expect(registry.keys().toSorted()).toEqual(model.used.map((entry) => entry.key).toSorted())
        const busy = new Set(model.used.filter(({ inFlight }) => inFlight > 0))
        expect(registry.size).toBeLessThanOrEqual(Math.max(maxKeys, busy.size + 1))
        if (registry.size > maxKeys) reach.fault('more keys than the limit')
      }
      for (const end of ends) end()
      for (let turn = 0; turn < 6; turn++) await Promise.resolve()
      expect(registry.size).toBeLessThanOrEqual(maxKeys)
    }),
    runsOf('keyed policies', 200),
  )
})

it('the programs are long, and every pair of operations comes up', () => {
  const sample = sampleOf(program)
  expect(sample.median).toBeGreaterThanOrEqual(30)
  expect(sample.missing(OPERATIONS)).toEqual([])
})
