import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { openJournal } from '../journal/durable/open-journal.ts'
import type { DurableJournal } from '../journal/durable/journal.ts'
import { STATES } from '../journal/durable/states.ts'
import { encodePlain } from '../plain/text.ts'
import type { CommandArguments } from './arguments.ts'

/** Writes a line; resolves when more can be written, with false when nobody reads any more. */
export type WriteLine = (line: string) => Promise<boolean>

/** Runs a command. Throws what the journal throws. */
export async function runJournal(command: CommandArguments, write: WriteLine): Promise<void> {
  await using journal = await openJournal(command.directory, { readOnly: true })
  const print = (fields: Readonly<Record<string, unknown>>): Promise<boolean> =>
    write(command.json ? JSON.stringify(fields) : tableOf(fields))
  if (command.command === 'cat') await cat(journal, command, write)
  else if (command.command === 'stat') await print(statOf(journal))
  else if (command.command === 'verify') await print(await verify(journal))
  else await print({ ...(await journal.backup(command.target)) })
}

async function cat(journal: DurableJournal, command: CommandArguments, write: WriteLine): Promise<void> {
  const { stream, range, backwards, json } = command
  const entries =
    stream === undefined
      ? journal.entries({ ...range, reverse: backwards })
      : journal.readStream(stream, { ...range, backwards })
  for (const { id, sequence, timestamp, data, stream: of, position } of entries) {
    const text = encodePlain('data', data)
    const place = of === undefined ? '' : `${of}@${position} `
    const fields = { sequence, id, wallMs: timestamp.wallMs, ...(of === undefined ? {} : { stream: of, position }) }
    const line = json
      ? `${JSON.stringify(fields).slice(0, -1)},"data":${text}}`
      : `${sequence} ${new Date(timestamp.wallMs).toISOString()} ${place}${text}`
    if (!(await write(line))) return
  }
}

function statOf(journal: DurableJournal): Readonly<Record<string, unknown>> {
  const { bytes, segments } = journal.usage()
  const { streams } = journal.streamUsage()
  return {
    path: journal.path,
    entries: journal.size(),
    first: journal.getFirst()?.sequence ?? null,
    next: journal.nextSequence,
    bytes,
    segments,
    streams,
    snapshot: journal.loadSnapshot()?.sequence ?? null,
  }
}

/** Reads every entry of a journal and of its saved states: opening checks the bytes, and this their text. */
async function verify(journal: DurableJournal): Promise<Readonly<Record<string, unknown>>> {
  let entries = 0
  for await (const _ of journal.replay()) entries++
  const path = join(journal.path, STATES)
  let states = 0
  if (existsSync(path)) {
    await using saved = await openJournal(path, { readOnly: true })
    for await (const _ of saved.replay()) states++
  }
  return { path: journal.path, entries, states, bytes: journal.usage().bytes, clean: journal.recovery.clean }
}

const tableOf = (fields: Readonly<Record<string, unknown>>): string =>
  Object.entries(fields)
    .map(([name, value]) => `${name}: ${value === null ? 'none' : String(value)}`)
    .join('\n')
