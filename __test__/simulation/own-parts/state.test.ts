/** Atoms and journals that several processes write. */
import { createAtom } from 'keelson/atom'
import { createJournal } from 'keelson/journal'
import { describe } from 'vitest'

import { ask, expectEqual, startServer } from '../races/tools.ts'
import { part } from './part.ts'

describe('atoms and journals', () => {
  part('keep every commit and every entry, in one order', async (sim) => {
    const system = sim.system('a')
    const atom = createAtom(0, { system })
    const journal = createJournal<number>({ system })
    const versions: number[] = []
    atom.watch(({ to }) => void versions.push(to))
    const writers = await Promise.all(
      ['v', 'w'].map((name) =>
        startServer(
          sim.system(name),
          () => ({}),
          () => {
            atom.swap((value) => value + 1)
            journal.append(atom.deref())
          },
        ),
      ),
    )
    await Promise.all(writers.flatMap((writer) => [1, 2, 3].map(() => ask(writer, { type: 'go' }, Infinity))))
    expectEqual('the commits', versions.join(), '1,2,3,4,5,6')
    expectEqual('the entries', [...journal.entries()].map(({ data }) => data).join(), '1,2,3,4,5,6')
  })
})
