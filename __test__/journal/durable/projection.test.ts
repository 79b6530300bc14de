import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createProjection, openJournal } from 'keelson/journal'
import { createTestSystem } from 'keelson/testing'
import { expect, it } from 'vitest'

import { recordsOf } from '../../support/segments.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

interface Event {
  readonly type: string
  readonly n: number
}
interface Sums {
  readonly sum: number
  readonly count: number
}

const event = (n: number, type = 'added'): Event => ({ type, n })
const init = (): Sums => ({ sum: 0, count: 0 })
const apply = ({ sum, count }: Sums, { n }: Event): Sums => ({ sum: sum + n, count: count + 1 })

it('keeps a state of all entries, and goes on from the saved one', async () => {
  const path = tempDirectory()
  let applied = 0
  const counting = (state: Sums, one: Event): Sums => {
    applied++
    return apply(state, one)
  }
  for (const round of [1, 2, 3]) {
    await using journal = await openJournal<Event>(path)
    await using sums = await createProjection({ journal, name: 'sums', init, apply: counting })
    await journal.appendMany([event(1), event(2)])
    await sums.whenCaughtUp()
    expect(sums.state).toEqual({ sum: 3 * round, count: 2 * round })
    expect(sums).toMatchObject({ lag: 0, nextSequence: 2 * round, status: 'running' })
    await sums.close()
    expect(sums.status).toBe('closed')
  }
  expect(applied).toBe(6)
})

it('counts each entry once when it is killed between an entry and the saved state', async () => {
  const path = tempDirectory()
  await using journal = await openJournal<Event>(path)
  await journal.appendMany(Array.from({ length: 30 }, (_, n) => event(n)))
  {
    // As a kill leaves it: applied, and not saved.
    await using system = createTestSystem()
    await using same = await openJournal<Event>(path, { system })
    const seen: number[] = []
    const killed = await createProjection({
      journal: same,
      name: 'sums',
      init,
      saveEvery: 7,
      onError: () => {},
      apply: (state: Sums, one: Event) => {
        seen.push(one.n)
        if (one.n === 20) throw new Error('killed')
        return apply(state, one)
      },
    })
    await expect.poll(() => killed.status).toBe('stopped')
    expect(killed.error).toMatchObject({ code: 'KEELSON_REPLAY', sequence: 20, eventType: 'added' })
  }
  await using sums = await createProjection({ journal, name: 'sums', init, apply })
  await sums.whenCaughtUp()
  expect(sums.state).toEqual({ sum: 435, count: 30 })
})

it('builds a state of another version beside the saved one', async () => {
  const path = tempDirectory()
  await using journal = await openJournal<Event>(path)
  await journal.appendMany([event(1), event(2), event(3)])
  const one = await createProjection({ journal, name: 'sums', init, apply })
  await one.whenCaughtUp()
  await one.close()
  const options = { journal, name: 'sums', version: 2, init: () => 100, apply: { added: (state: number) => state + 1 } }
  const two = await createProjection<number, Event>(options)
  await two.whenCaughtUp()
  expect(two.state).toBe(103)
  await two.close()
  // Version 1 begins again, because version 2 has taken its place.
  let applied = 0
  await using again = await createProjection({
    journal,
    name: 'sums',
    init,
    apply: (state: Sums, data: Event) => {
      applied++
      return apply(state, data)
    },
  })
  await again.whenCaughtUp()
  expect([again.state, applied]).toEqual([{ sum: 6, count: 3 }, 3])
})

it('keeps the state of a new version whose last save was just before it had caught up', async () => {
  const path = tempDirectory()
  await using journal = await openJournal<Event>(path)
  await journal.appendMany([event(1), event(2), event(3), event(4)])
  let applied = 0
  const counting = (state: Sums, one: Event): Sums => {
    applied++
    return apply(state, one)
  }
  // It saves its state beside the other at each page, and the last of them is the end.
  for (const version of [1, 2, 2]) {
    await using sums = await createProjection({
      journal,
      name: 'sums',
      version,
      init,
      apply: counting,
      saveEvery: 1,
    })
    await sums.whenCaughtUp()
    expect(sums.state).toEqual({ sum: 10, count: 4 })
  }
  expect(applied).toBe(8)
})

it('has saved a state that was built again once `rebuild` resolves', async () => {
  const path = tempDirectory()
  await using journal = await openJournal<Event>(path)
  await journal.appendMany(Array.from({ length: 20 }, (_, n) => event(n)))
  let factor = 1
  const multiplied = (sum: number, { n }: Event): number => sum + n * factor
  const sums = await createProjection({ journal, name: 'sums', init: () => 0, apply: multiplied })
  for (let round = 0; round < 20; round++) {
    factor++
    // A state is being saved while the other one takes its place.
    void journal.append(event(0))
    await sums.rebuild()
    const copy = tempDirectory()
    cpSync(join(path, 'states'), join(copy, 'states'), { recursive: true })
    await using saved = await openJournal<{ state: { state: number } }>(join(copy, 'states'))
    expect(saved.getLast()?.data.state.state).toBe(190 * factor)
  }
  await sums.close()
})

it('saves no state of entries that a power cut can take', async () => {
  const path = tempDirectory()
  await using journal = await openJournal<Event>(path, { durability: 'flush' })
  await using sums = await createProjection({ journal, name: 'sums', init, apply })
  await journal.appendMany([event(1), event(2)])
  await sums.whenCaughtUp()
  await journal.append(event(3))
  const [, second, third] = recordsOf(path)
  expect(third?.synced).toBe((second?.offset ?? 0) + (second?.size ?? 0))
})

it('rebuilds beside the present state while entries arrive, and switches', async () => {
  await using journal = await openJournal<Event>(tempDirectory(), { durability: 'flush' })
  await journal.appendMany(Array.from({ length: 2000 }, () => event(1)))
  let factor = 1
  await using sums = await createProjection({
    journal,
    name: 'sums',
    init: () => 0,
    apply: (state: number, { n }: Event) => state + n * factor,
  })
  await sums.whenCaughtUp()
  factor = 10
  const seen = new Set<number>()
  const rebuilt = sums.rebuild()
  expect(sums.rebuild()).toBe(rebuilt)
  for (let n = 0; n < 20; n++) {
    await journal.append(event(1))
    seen.add(sums.state)
  }
  await rebuilt
  await sums.whenCaughtUp()
  expect(sums.state).toBe(20_200)
  // No state between the old and the new one was to be seen.
  for (const state of seen) expect((state >= 2000 && state <= 2200) || state >= 20_000).toBe(true)
})

it('keeps the present state when a rebuild fails', async () => {
  await using journal = await openJournal<Event>(tempDirectory())
  await journal.appendMany([event(1), event(2)])
  let fails = false
  await using sums = await createProjection({
    journal,
    name: 'sums',
    init,
    apply: (state: Sums, one: Event) => {
      if (fails) throw new Error('no')
      return apply(state, one)
    },
  })
  await sums.whenCaughtUp()
  fails = true
  await expect(sums.rebuild()).rejects.toMatchObject({ code: 'KEELSON_REPLAY', sequence: 0 })
  expect([sums.state, sums.status]).toEqual([{ sum: 3, count: 2 }, 'running'])
})

it('parks poison entries and remembers them', async () => {
  const path = tempDirectory()
  await using journal = await openJournal<Event>(path)
  await journal.appendMany([event(1), event(-1), event(3)])
  const parked: unknown[] = []
  const options = {
    journal,
    name: 'sums',
    init,
    apply: (state: Sums, one: Event) => {
      if (one.n < 0) throw new Error('negative')
      return apply(state, one)
    },
    onParked: ({ sequence }: { sequence: number }, error: unknown) => void parked.push([sequence, error]),
  }
  const sums = await createProjection<Sums, Event>(options)
  await sums.whenCaughtUp()
  expect(sums.state).toEqual({ sum: 4, count: 2 })
  expect(parked).toMatchObject([[1, { code: 'KEELSON_REPLAY', cause: { message: 'negative' } }]])
  await sums.close()
  await using again = await createProjection<Sums, Event>(options)
  expect(again.parked).toEqual([{ sequence: 1, message: 'negative' }])
})

it('is not stopped by another that fails, and reports that one', async () => {
  const reports: unknown[] = []
  await using journal = await openJournal<Event>(tempDirectory())
  await using failing = await createProjection<Sums, Event>({
    journal,
    name: 'failing',
    init,
    apply: () => undefined,
    onError: (error) => void reports.push(error),
  })
  await using sums = await createProjection({ journal, name: 'sums', init, apply })
  await journal.append(event(5))
  await sums.whenCaughtUp()
  await expect(failing.whenCaughtUp()).rejects.toMatchObject({ code: 'KEELSON_REPLAY' })
  expect([sums.state.sum, failing.lag, reports.length]).toEqual([5, 1, 1])
})

it('refuses a second projection of a name, and bad options by name', async () => {
  const path = tempDirectory()
  await using journal = await openJournal<Event>(path)
  await using sums = await createProjection({ journal, name: 'sums', init, apply })
  await expect(createProjection({ journal, name: 'sums', init, apply })).rejects.toMatchObject({
    code: 'KEELSON_JOURNAL_NAME_IN_USE',
    kind: 'projection',
    claimed: 'sums',
  })
  expect(sums.status).toBe('running')
  const refused = async (field: string, options: object): Promise<void> => {
    const made = createProjection({ journal, name: 'x', init, apply, ...options } as never)
    await expect(made).rejects.toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
  }
  await refused('options.journal', { journal: {} })
  await refused('options.name', { name: '' })
  await refused('options.init', { init: 0 })
  await refused('options.apply', { apply: 0 })
  await refused('options.version', { version: 0.5 })
  await refused('options.saveEvery', { saveEvery: 0 })
  await refused('options.onParked', { onParked: 0 })
  await refused('options.upcast.added[0]', { upcast: { added: [0] } })
  await refused('options.saveevery', { saveevery: 1 })
})

it('a compaction takes the states from disk that newer ones have replaced', async () => {
  const path = tempDirectory()
  await using journal = await openJournal<{ readonly name: string | null }>(path, { key: () => 'person' })
  const last = (_: string | null, { name }: { readonly name: string | null }): string | null => name
  const onDisk = (text: string): boolean =>
    readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile())
      .some(({ parentPath, name }) => readFileSync(join(parentPath, name)).includes(text))
  for (const name of ['Ada Lovelace', null]) {
    await journal.append({ name })
    // Its close saves the state.
    await using names = await createProjection({ journal, name: 'names', init: (): string | null => null, apply: last })
    await names.whenCaughtUp()
    expect(names.state).toBe(name)
  }
  expect(onDisk('Ada Lovelace')).toBe(true)
  await journal.compact()
  expect(onDisk('Ada Lovelace')).toBe(false)
})
