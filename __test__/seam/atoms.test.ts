import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createAtom } from 'keelson'
import { expect, it } from 'vitest'
import { native as addon } from '../support/native.ts'

const native = addon as {
  hot: Record<string, (...args: unknown[]) => number>
}
/** The first ring of commits of this process. */
const RING = 0
const open = (): number => native.hot['localCount']?.(RING) ?? -1

/** In a function of its own, so that no variable keeps an atom. */
function changeAndDrop(count: number): void {
  for (let index = 0; index < count; index++) createAtom(0).reset(1)
}

it('a local atom is in the core from its first change until it is garbage', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const kept = createAtom(0)
  expect(open()).toBe(0)
  kept.reset(1)
  changeAndDrop(1000)
  expect(open()).toBe(1001)
  await expect
    .poll(() => {
      collect()
      return open()
    })
    .toBe(1)
  expect(kept.history().map(({ value }) => value)).toEqual([0, 1])
})
