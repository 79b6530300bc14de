import { createJournal, Journal } from 'keelson/journal'
import { describe, expect, it } from 'vitest'

describe('a journal in memory', () => {
  it('takes whatever it is given: cycles, depth, getters and proxies', () => {
    const journal = createJournal<unknown>()
    const cycle: Record<string, unknown> = { deep: [{ a: {} }] }
    cycle['self'] = cycle
    journal.append(cycle)
    expect(Object.isFrozen((cycle['deep'] as object[])[0])).toBe(true)
    let deepest: object = {}
    const nested = Array.from({ length: 50_000 }).reduce<object>((inner) => ({ inner }), deepest)
    journal.append(nested)
    expect(Object.isFrozen(deepest)).toBe(true)
    deepest = {}
    const endless = (): object => ({
      at: {},
      get more() {
        return endless()
      },
    })
    journal.append(endless())
    journal.append({
      get fault() {
        throw new Error('no')
      },
    })
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    journal.append({ proxy })
    journal.append(proxy)
    expect(journal.size()).toBe(6)
  })

  it('gives what it was made with to a journal that goes on where it ended', () => {
    const journal = createJournal<{ n: number }>({ maxEntries: 2, overflow: 'bounded:drop_oldest' })
    for (let n = 0; n < 3; n++) journal.append({ n })
    const again = Journal.fromJSON<{ n: number }>(journal.toJSON(), journal.options)
    again.append({ n: 3 })
    expect(again.getAll()).toEqual([{ n: 2 }, { n: 3 }])
    expect(Object.isFrozen(again.getFirst()?.data)).toBe(true)
    expect(Object.isFrozen(journal.options)).toBe(true)
  })
})
