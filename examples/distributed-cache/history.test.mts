import { History } from './history.mjs'
import type { Version } from './protocol.mjs'

/** Runs operations one after the other: `[kind, counter of the version, value]`. */
async function faultsOf(...operations: ['read' | 'write', number, unknown][]): Promise<string[]> {
  const history = new History()
  for (const [kind, counter, value] of operations) {
    const version: Version = [counter, 'w']
    await history.run('a', kind, value, async () => ({ version, value }))
  }
  return history.faults()
}

test('accepts reads of the last write', async () => {
  expect(await faultsOf(['write', 1, 'x'], ['read', 1, 'x'], ['write', 2, 'y'], ['read', 2, 'y'])).toEqual([])
})

test('finds a lost write', async () => {
  const [fault] = await faultsOf(['write', 1, 'x'], ['write', 2, 'y'], ['read', 1, 'x'])
  expect(fault).toContain('which is lost')
})

test('finds a value that nobody wrote', async () => {
  expect(await faultsOf(['read', 1, 'z'])).toEqual(['a had z, which nobody wrote'])
})

test('finds two values of one version', async () => {
  const faults = await faultsOf(['write', 1, 'x'], ['write', 1, 'y'])
  expect(faults).toContain('a had two values of one version')
  expect(faults.join()).toContain('with the same version')
})

test('accepts that overlapping operations see old and new, in any order', async () => {
  const history = new History()
  let finish = (): void => {}
  const gate = new Promise<void>((resolve) => (finish = resolve))
  const write = history.run('a', 'write', 'x', () => gate.then(() => ({ version: [1, 'w'] as const })))
  await history.run('a', 'read', undefined, async () => ({ version: [0, ''] as const, value: undefined }))
  finish()
  await write
  expect(history.faults()).toEqual([])
})

test('counts an operation that failed as one of unknown outcome, whose value may be read', async () => {
  const history = new History()
  await history.run('a', 'write', 'x', () => Promise.reject(new Error('no answer')))
  await history.run('a', 'read', undefined, async () => ({ version: [1, 'w'] as const, value: 'x' }))
  expect([history.unknown, history.operations, history.faults()]).toEqual([1, 1, []])
})
