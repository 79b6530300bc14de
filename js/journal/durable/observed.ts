/** The journals on disk, for observers. */
import type { System } from '../../system/system.ts'
import { type Member, Members } from '../../tables/members.ts'
import { type CellReaders, offerMembers } from '../../tables/offers.ts'
import type { View } from './base.ts'
import type { Handle } from './handle.ts'

/** A journal, as observers see it. */
interface ListedJournal {
  readonly path: string
  readonly closed: boolean
  readonly knownView: View | undefined
}

/** The journals, each with its handle; none for one that only reads. */
const journals = new Members<ListedJournal, Handle | undefined>(({ closed }) => closed)

const readers: CellReaders<'journal', Member<ListedJournal, Handle | undefined>> = {
  name: ({ item }) => item.path,
  where: () => 'disk',
  entries: ({ item }) => item.knownView?.count ?? 0,
  first: ({ item }) => item.knownView?.first ?? 0,
  next: ({ item }) => item.knownView?.next ?? 0,
  bytes: ({ item }) => item.knownView?.bytes ?? 0,
  pending: ({ note }) => note?.pending ?? 0,
}
offerMembers('journal', journals, readers, 'disk')

/** Lists a journal among those of its system. */
export const listJournal = (system: System, journal: ListedJournal, handle: Handle | undefined): void => {
  journals.add(system, journal, handle)
}
