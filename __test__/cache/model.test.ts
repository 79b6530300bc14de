import { Cache, type CacheKey } from 'keelson'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import { runsOf } from '../support/programs.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()

interface Entry {
  readonly key: CacheKey
  value: number
  until: number
  tags: string[]
  size: number
  /** The time for which a use keeps it from then on; 0 if its end is fixed. */
  slidingMs: number
}

/** A cache by LRU that searches everything each time; the list is in order of use, the map in order of insertion. */
class Model {
  readonly told: [CacheKey, number, string][] = []
  readonly entries = new Map<CacheKey, Entry>()
  readonly #used: Entry[] = []
  readonly #deadlines: Entry[] = []
  now = 0

  readonly maxSize: number
  readonly maxBytes: number

  constructor(maxSize: number, maxBytes: number) {
    this.maxSize = maxSize
    this.maxBytes = maxBytes
  }

  #drop(entry: Entry, reason: string): void {
    this.entries.delete(entry.key)
    for (const list of [this.#used, this.#deadlines]) list.splice(list.indexOf(entry), 1)
    this.told.push([entry.key, entry.value, reason])
  }

  #use(entry: Entry): void {
    this.#used.splice(this.#used.indexOf(entry), 1)
    this.#used.push(entry)
  }

  #bytes(): number {
    return this.#used.reduce((sum, { size }) => sum + size, 0)
  }

  find(key: CacheKey): Entry | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined || entry.until > this.now) return entry
    this.#drop(entry, 'expired')
    return undefined
  }

  get(key: CacheKey): number | undefined {
    const entry = this.find(key)
    if (entry === undefined) return undefined
    this.#use(entry)
    const until = this.now + entry.slidingMs
    if (entry.slidingMs > 0 && until > entry.until) {
      entry.until = until
      this.#deadlines.splice(this.#deadlines.indexOf(entry), 1)
      this.#deadlines.push(entry)
    }
    return entry.value
  }

  ttl(key: CacheKey): number | undefined {
    const entry = this.find(key)
    return entry === undefined ? undefined : entry.until - this.now
  }

  #room(count: number, size: number): void {
    while (this.#used.length + count > this.maxSize || this.#bytes() + size > this.maxBytes) {
      const over = this.#over()
      if (over === undefined) this.#drop(this.#used[0]!, 'evicted')
      else this.#drop(over, 'expired')
    }
  }

  #over(): Entry | undefined {
    const over = this.#deadlines.filter(({ until }) => until <= this.now)
    return over.toSorted((a, b) => a.until - b.until)[0]
  }

  set(key: CacheKey, value: number, ttlMs: number, tags: string[], size: number, slidingMs = 0): void {
    const until = this.now + ttlMs
    const entry = this.entries.get(key)
    if (entry === undefined) {
      if (size > this.maxBytes) return void this.told.push([key, value, 'evicted'])
      this.#room(1, size)
      const made = { key, value, until, tags, size, slidingMs }
      this.entries.set(key, made)
      this.#used.push(made)
      this.#deadlines.push(made)
      return
    }
    const reason = entry.until <= this.now ? 'expired' : 'replaced'
    if (size > this.maxBytes) {
      if (entry.value !== value) this.told.push([key, entry.value, reason])
      this.#drop(Object.assign(entry, { value }), 'evicted')
      return
    }
    if (entry.value !== value) this.told.push([key, entry.value, reason])
    Object.assign(entry, { value, until, tags, size, slidingMs })
    this.#deadlines.splice(this.#deadlines.indexOf(entry), 1)
    this.#deadlines.push(entry)
    this.#use(entry)
    this.#room(0, 0)
  }

  delete(key: CacheKey): boolean {
    const entry = this.find(key)
    if (entry !== undefined) this.#drop(entry, 'deleted')
    return entry !== undefined
  }

  invalidate(tag: string): number {
    const tagged = [...this.entries.values()].filter(({ tags }) => tags.includes(tag))
    for (const entry of tagged) this.#drop(entry, 'invalidated')
    return tagged.length
  }

  sweep(): void {
    for (let over = this.#over(); over !== undefined; over = this.#over()) this.#drop(over, 'expired')
  }

  clear(): void {
    for (const entry of this.entries.values()) this.#drop(entry, 'cleared')
  }
}

const key = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom('a', '1', '__proto__', ''))
const tag = fc.constantFrom('x', 'y')
const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('get' as const), key }) },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('set' as const),
      key,
      value: fc.integer({ min: 0, max: 12 }),
      ttlMs: fc.option(fc.integer({ min: 1, max: 30 })),
      tags: fc.subarray(['x', 'y']),
      sliding: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('getMany' as const), keys: fc.array(key, { maxLength: 4 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('setMany' as const),
      entries: fc.array(fc.tuple(key, fc.integer({ min: 0, max: 12 })), { maxLength: 4 }),
      ttlMs: fc.option(fc.integer({ min: 1, max: 30 })),
      sliding: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('ttl' as const), key }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('reload' as const), ms: fc.nat(10) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('has' as const), key }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('invalidate' as const), tag }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 1, arbitrary: fc.constant({ op: 'keys' as const }) },
  { weight: 1, arbitrary: fc.constant({ op: 'clear' as const }) },
)

it('by lru is what a list that is searched in full would be', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 8 }),
      fc.oneof(fc.constant(Infinity), fc.integer({ min: 5, max: 30 })),
      fc.array(operation, { maxLength: 120 }),
      async (maxSize, maxBytes, operations) => {
        const told: [CacheKey, number, string][] = []
        const cache = await Cache.start<number>({
          system: stage.system,
          maxSize,
          maxBytes,
          // The value is its own size.
          sizeOf: (value) => value,
          policy: 'lru',
          onEvict: (...event) => void told.push(event),
        })
        const { handle } = cache
        const model = new Model(maxSize, maxBytes)
        for (const step of operations) {
          if (step.op === 'get') expect(handle.get(step.key)).toBe(model.get(step.key))
          else if (step.op === 'has') expect(handle.has(step.key)).toBe(model.find(step.key) !== undefined)
          else if (step.op === 'delete') expect(handle.delete(step.key)).toBe(model.delete(step.key))
          else if (step.op === 'invalidate') expect(handle.invalidateTag(step.tag)).toBe(model.invalidate(step.tag))
          else if (step.op === 'set') {
            const { key: name, value, ttlMs, tags, sliding } = step
            handle.set(name, value, { ttlMs, tags, sliding })
            model.set(name, value, ttlMs ?? Infinity, tags, value, sliding ? (ttlMs ?? 0) : 0)
          } else if (step.op === 'getMany') {
            const found = step.keys.map((name) => [name, model.get(name)] as const)
            expect(handle.getMany(step.keys)).toEqual(new Map(found.filter(([, value]) => value !== undefined)))
          } else if (step.op === 'setMany') {
            const { entries, ttlMs, sliding } = step
            handle.setMany(entries, { ttlMs, sliding })
            for (const [name, value] of entries) {
              model.set(name, value, ttlMs ?? Infinity, [], value, sliding ? (ttlMs ?? 0) : 0)
            }
          } else if (step.op === 'ttl') expect(handle.ttl(step.key)).toBe(model.ttl(step.key))
          else if (step.op === 'reload') {
            const dump = JSON.parse(JSON.stringify(handle.dump())) as ReturnType<typeof handle.dump>
            const before = [...model.entries.values()].map((entry) =>
              Object.assign({}, entry, { left: entry.until - model.now }),
            )
            stage.clock.advanceBy(step.ms)
            model.now += step.ms
            model.sweep()
            const kept = before.filter(({ left }) => left > step.ms)
            expect(handle.load(dump)).toBe(kept.length)
            for (const { key: name, value, left, tags, size, slidingMs } of kept) {
              model.set(name, value, left - step.ms, tags, size, slidingMs)
            }
          } else if (step.op === 'clear') {
            handle.clear()
            model.clear()
          } else if (step.op === 'pass') {
            stage.clock.advanceBy(step.ms)
            model.now += step.ms
            // Whoever listens is told when an entry expires, and not when it is met.
            model.sweep()
          } else {
            model.sweep()
            expect(handle.keys()).toEqual([...model.entries.keys()])
            expect(handle.stats().bytes).toBe([...model.entries.values()].reduce((sum, { size }) => sum + size, 0))
          }
          // In whichever order tags were given to slots.
          const sorted =
            step.op === 'invalidate' ? (list: unknown[]) => list.map(String).toSorted() : (list: unknown[]) => list
          expect(sorted(told)).toEqual(sorted(model.told))
          told.length = 0
          model.told.length = 0
        }
        await Cache.stop(cache)
      },
    ),
    runsOf('caches', 300),
  )
})

it.each(['s3-fifo', 'lru'] as const)(
  'by %s loses nothing, keeps to its limits, and tells of each entry once',
  async (policy) => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.oneof(fc.constant(Infinity), fc.integer({ min: 5, max: 30 })),
        fc.array(operation, { maxLength: 250 }),
        async (maxSize, maxBytes, operations) => {
          /** The entries that stores and evictions imply. Each value is stored once. */
          const there = new Map<CacheKey, { value: [number]; until: number; tags: string[] }>()
          let now = 0
          const cache = await Cache.start<[number]>({
            system: stage.system,
            maxSize,
            maxBytes,
            sizeOf: ([size]) => size,
            policy,
            onEvict: (evicted, value, reason) => {
              const known = there.get(evicted)
              if (known?.value !== value) {
                // Only what never came in may go unknown, or what was replaced by what is there.
                expect(['replaced', 'evicted', 'expired']).toContain(reason)
                return
              }
              if (reason === 'expired') expect(known.until).toBeLessThanOrEqual(now)
              there.delete(evicted)
            },
          })
          const { handle } = cache
          for (const step of operations) {
            if (step.op === 'get' || step.op === 'has') {
              const known = there.get(step.key)
              const isThere = known !== undefined && known.until > now
              if (step.op === 'get') expect(handle.get(step.key)).toBe(isThere ? known.value : undefined)
              else expect(handle.has(step.key)).toBe(isThere)
            } else if (step.op === 'set') {
              const value: [number] = [step.value]
              const until = step.ttlMs === null ? Infinity : now + step.ttlMs
              // Before, so that whoever is told of this very value finds it.
              there.set(step.key, { value, until, tags: step.tags })
              handle.set(step.key, value, { ttlMs: step.ttlMs, tags: step.tags })
              expect(handle.has(step.key)).toBe(step.value <= maxBytes)
            } else if (step.op === 'delete') {
              handle.delete(step.key)
              expect(there.has(step.key)).toBe(false)
            } else if (step.op === 'invalidate') {
              handle.invalidateTag(step.tag)
              for (const { tags } of there.values()) expect(tags).not.toContain(step.tag)
            } else if (step.op === 'pass') {
              now += step.ms
              stage.clock.advanceBy(step.ms)
            } else if (step.op === 'clear') {
              handle.clear()
              expect(there.size).toBe(0)
            } else if (step.op === 'ttl') {
              const known = there.get(step.key)
              expect(handle.ttl(step.key)).toBe(known === undefined ? undefined : known.until - now)
            } else if (step.op === 'getMany') {
              const known = step.keys.filter((name) => (there.get(name)?.until ?? 0) > now)
              expect([...handle.getMany(step.keys).keys()]).toEqual([...new Set(known)])
            } else if (step.op === 'keys') {
              expect(new Map(handle.entries())).toEqual(new Map([...there].map(([kept, { value }]) => [kept, value])))
            }
            const { size, bytes } = handle.stats()
            expect(size).toBe(there.size)
            expect(size).toBeLessThanOrEqual(maxSize)
            expect(bytes).toBe([...there.values()].reduce((sum, { value }) => sum + value[0], 0))
            expect(bytes).toBeLessThanOrEqual(maxBytes)
          }
          await Cache.stop(cache)
          expect(there.size).toBe(0)
        },
      ),
      { numRuns: 300 },
    )
  },
)
