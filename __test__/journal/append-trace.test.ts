/** The tracing channel `keelson:journal.append`. */
import { Journal, openJournal } from 'keelson/journal'
import { describe, expect, it } from 'vitest'

import { eventsOf, traced } from '../support/channels.ts'
import { rejection, thrown } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const stage = useStage()
const NAME = 'keelson:journal.append'

describe('keelson:journal.append', () => {
  it('spans an append to a journal in memory, with the entry as its result', () => {
    const events = traced(NAME)
    const journal = new Journal({ system: stage.system, maxEntries: 1, overflow: 'bounded:error' })
    const entry = journal.append('a')
    expect(eventsOf(events)).toEqual(['start', 'end'])
    expect(events[0]?.fields).toEqual({ journal, data: ['a'] })
    expect(events[1]?.fields).toEqual({ journal, data: ['a'], result: entry })
    const error = thrown(() => journal.append('b'))
    expect(error).toMatchObject({ code: 'KEELSON_JOURNAL_OVERFLOW' })
    expect(eventsOf(events)).toEqual(['start', 'end', 'start', 'error', 'end'])
    expect(events[3]?.fields).toEqual({ journal, data: ['b'], error })
  })

  it('spans an append to a journal on disk until it is acknowledged', async () => {
    const journal = await openJournal<string>(tempDirectory(), { system: stage.system })
    const events = traced(NAME)
    const entry = await journal.append('a')
    expect(eventsOf(events)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    expect(events[3]?.fields).toEqual({ journal, data: ['a'], result: entry })
    const entries = await journal.appendMany(new Set(['b', 'c']))
    expect(events[7]?.fields).toEqual({ journal, data: ['b', 'c'], result: entries })
    events.length = 0
    await journal.close()
    const error = await rejection(journal.append('d'))
    expect(error).toMatchObject({ code: 'KEELSON_CLOSED' })
    expect(eventsOf(events)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
    expect(await rejection(journal.appendMany(['e']))).toMatchObject({ code: 'KEELSON_CLOSED' })
    expect(await rejection(journal.appendMany(7 as never))).toMatchObject({ code: 'KEELSON_CLOSED' })
  })
})
