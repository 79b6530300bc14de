// What a consumer's compiler has to accept of shared atoms, counters and flags, and what it has to refuse.
import {
  createSharedAtom,
  type SharedAtom,
  type SharedChange,
  sharedCounter,
  type SharedCounter,
  sharedFlag,
} from 'keelson/atom'
import { createSystem } from 'keelson/system'

const system = createSystem({ namespace: 'types' })
const count: SharedAtom<number> = createSharedAtom('count', 0, { system, historySize: 5, equals: (a, b) => a === b })
const next: number = count.swap((value) => value + 1, { cause: { why: 'test' } })
const end: () => void = count.watch((change: SharedChange<number>) => change.to satisfies number, { coalesce: true })
count.subscribe(async (value) => value satisfies number)
createSharedAtom<string | undefined>('text', undefined).compareAndSetVersion(0, 'a') satisfies boolean
const counter: SharedCounter = sharedCounter('counter', { initial: 5, namespace: 'types' })
counter.add(next) satisfies number
using flag = sharedFlag('flag', { initial: true })
flag.raise() satisfies boolean
system.namespace satisfies string
end()

// @ts-expect-error a name comes first
createSharedAtom(0)
// @ts-expect-error the updater has to return the value's type
count.swap((value) => String(value))
// @ts-expect-error no such option
createSharedAtom('count', 0, { clock: system.clock })
// @ts-expect-error no such option
count.watch(() => {}, { coalesced: true })
// @ts-expect-error read-only: set() tells what was there before
counter.value = 5
// @ts-expect-error a flag is true or false
flag.set(1)
