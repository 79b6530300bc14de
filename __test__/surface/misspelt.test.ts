/** Walks every function of the surface that takes options or callbacks, and misspells each name by one letter. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as fc from 'fast-check'
import { isInvalidArgumentError } from 'keelson'
import { GenServer, Registry } from 'keelson/otp'
import { getDefaultSystem } from 'keelson/system'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alsoKnown, around, complete, type Driver, drivers, makeWorld, type World } from './drivers.ts'
import { programs } from '../support/programs.ts'
import { entries, isData, type Shape, surface } from './surface.ts'

const callees = [...surface(entries).values()]
const folder = mkdtempSync(`${tmpdir()}/keelson-surface-`)

let world: World
let all: ReturnType<typeof drivers>
let started = 0
const ends: (() => void)[] = []

beforeAll(async () => {
  world = await makeWorld(folder)
  all = drivers(world)
  for (const system of [world.system, getDefaultSystem()]) {
    ends.push(GenServer.onLifecycleEvent((event) => (started += event.type === 'started' ? 1 : 0), system))
  }
})

afterAll(async () => {
  for (const end of ends) end()
  world.lease.release()
  await world.system.close()
  rmSync(folder, { recursive: true })
})

/** One step into an object: the type around, and the name that is followed. */
interface Step {
  readonly type: string
  readonly name: string
  readonly inList: boolean
}

interface Place {
  readonly callee: string
  /** The options of the function itself. */
  readonly outer: Shape
  readonly path: readonly Step[]
  readonly shape: Shape
}

/** The places of names: those of a parameter, and those within its fields. */
function placesOf(callee: string, outer: Shape, shape: Shape, path: readonly Step[]): Place[] {
  const inside = [...shape.inner].flatMap(([name, shapes]) =>
    shapes
      .filter(({ type }) => !isData(type))
      .flatMap((one) => placesOf(callee, outer, one, [...path, { type: shape.type, name, inList: one.inList }])),
  )
  return [{ callee, outer, path, shape }, ...inside]
}

const pairs = callees.flatMap(({ path, parameters }) =>
  parameters.flatMap(({ shapes }) =>
    shapes.filter(({ type }) => !isData(type)).map((shape) => ({ callee: path, shape })),
  ),
)
const places = pairs.flatMap(({ callee, shape }) => placesOf(callee, shape, shape, []))

const isPartial = ({ type }: Shape): boolean => complete[type] !== undefined && type !== 'Telemetry'
/** The names that may be misspelt: all options, and of what has callbacks the callbacks. */
const namesOf = (shape: Shape): readonly string[] =>
  isPartial(shape) ? shape.names.filter((name) => shape.callbacks.includes(name)) : shape.names
const count = places.reduce((sum, { shape }) => sum + namesOf(shape).length, 0)
const runs = Math.ceil(programs(6 * count) / count)

/** A name with one letter left out, doubled, swapped with the next, or another. */
const misspelt = (name: string): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom('drop', 'double', 'swap', 'replace'),
      fc.nat(name.length - 1),
      fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzABCXYZ'),
    )
    .map(([how, at, letter]) => {
      const [before, here, after] = [name.slice(0, at), name.charAt(at), name.slice(at + 1)]
      if (how === 'drop') return before + after
      if (how === 'double') return before + here + here + after
      if (how === 'replace') return before + letter + after
      return before + after.charAt(0) + here + after.slice(1)
    })

/** The observations that a refused call must not change. */
const state = (): unknown => ({
  started,
  names: [Registry.getNames(world.system), Registry.getNames()],
  timers: [world.system.clock.getPendingTimerCount(), getDefaultSystem().clock.getPendingTimerCount()],
  files: [readdirSync(folder), existsSync(`${folder}/another`)],
  signals: process.eventNames().map((event) => [event, process.listenerCount(event)]),
  routes: world.atrion.getRoutes(),
  inFlight: world.atrion.getState('tickets')?.gate?.inFlight,
  values: [world.atom.deref(), world.atom.version(), world.shared.deref(), world.shared.version()],
  sizes: [world.journal.size(), world.durable.size(), world.cache.handle.size, world.sharedCache.handle.size],
})

/** The object of the outermost type that has `value` at the end of the path. */
const wrapped = (path: readonly Step[], value: object): object =>
  path.reduceRight<object>(
    (within, { type, name, inList }) => ({
      ...(around[`${type}.${name}`] ?? around[type])?.(world),
      [name]: inList ? [within] : within,
    }),
    value,
  )

const fieldOf = (path: readonly Step[]): string =>
  path.map(({ name, inList }) => `.${name}${inList ? '[0]' : ''}`).join('')

async function refusalOf(call: Driver, given: object): Promise<unknown> {
  try {
    await call(given as never)
  } catch (error) {
    return error
  }
  return undefined
}

/** An object that is right, but for one name. */
function wrong(shape: Shape, name: string, word: string): object {
  const right = complete[shape.type]?.(world) as Record<string, unknown> | undefined
  // By name: what an instance has may stand on its prototype.
  const given = right === undefined ? {} : Object.fromEntries(shape.names.map((one) => [one, right[one]]))
  const others = Object.entries(given).filter(([one, value]) => one !== name && value !== undefined)
  return { ...Object.fromEntries(others), [word]: shape.callbacks.includes(name) ? () => undefined : 1 }
}

async function isRefused({ callee, outer, path, shape }: Place, name: string, word: string): Promise<void> {
  const call = all[callee]?.[outer.type] as Driver
  const error = await refusalOf(call, wrapped(path, wrong(shape, name, word)))
  if (!isInvalidArgumentError(error)) throw new Error(`${word} was not refused: ${String(error)}`)
  expect(`.${error.field}`.endsWith(`${fieldOf(path)}.${word}`), `${error.field}: ${error.message}`).toBe(true)
  expect(error.message.split('did you mean')[1], error.message).toContain(`\`${name}\``)
  const known = /one of the known options \(([^)]*)\)/.exec(error.message)?.[1]?.split(', ')
  if (known !== undefined) {
    expect(known.toSorted()).toEqual([...shape.names, ...(alsoKnown[shape.type] ?? [])].toSorted())
  }
}

describe('every function that takes options or callbacks', () => {
  test('is called here, and what is called here is there', () => {
    const wanted = new Set(pairs.map(({ callee, shape }) => `${callee}: ${shape.type}`))
    const there = Object.entries(all).flatMap(([callee, types]) =>
      Object.keys(types).map((type) => `${callee}: ${type}`),
    )
    expect([...wanted].filter((one) => !there.includes(one))).toEqual([])
    expect(there.filter((one) => !wanted.has(one))).toEqual([])
    expect(places.length).toBeGreaterThan(150)
    expect(count).toBeGreaterThan(500)
  })

  test.each(places.map((place) => [`${place.callee} ${place.outer.type}${fieldOf(place.path)}`, place] as const))(
    'refuses each name of %s with a letter wrong, says which was meant, and changes nothing',
    async (_, place) => {
      const { shape } = place
      const before = state()
      for (const name of namesOf(shape)) {
        await fc.assert(
          fc.asyncProperty(misspelt(name), async (word) => {
            fc.pre(!shape.names.includes(word) && alsoKnown[shape.type]?.includes(word) !== true)
            await isRefused(place, name, word)
          }),
          { numRuns: runs },
        )
      }
      expect(state()).toEqual(before)
    },
  )
})
