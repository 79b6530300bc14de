import { types } from 'node:util'

import { compare, consistent, mergeIncarnations, NO_VERSION, quorum, quorumOf, type Stamp } from './protocol.mjs'

const stamp = (name: string, incarnation: number, knows: { readonly [name: string]: number } = {}): Stamp => ({
  name,
  incarnation,
  incarnations: { [name]: incarnation, ...knows },
})

test('versions order by counter, then by writer', () => {
  expect(compare([2, 'a'], [1, 'b'])).toBeGreaterThan(0)
  expect(compare([1, 'a'], [1, 'b'])).toBeLessThan(0)
  expect(compare([1, 'a'], [1, 'a'])).toBe(0)
  expect(compare(NO_VERSION, [1, 'a'])).toBeLessThan(0)
})

test('any two quorums share a node', () => {
  for (let nodes = 1; nodes < 10; nodes++) expect(2 * quorumOf(nodes)).toBeGreaterThan(nodes)
})

test('the newest incarnation of each node is kept', () => {
  expect(mergeIncarnations({ a: 1, b: 5 }, { a: 2, b: 4, c: 1 })).toEqual({ a: 2, b: 5, c: 1 })
})

describe('consistent', () => {
  test('an answer does not count when another one knows that its node has started again', () => {
    const [old, other] = [stamp('a', 1), stamp('b', 1, { a: 2 })]
    expect(consistent([old, other])).toEqual([other])
  })

  test('an answer counts when others know its incarnation, or an earlier one', () => {
    const answers = [stamp('a', 2), stamp('b', 1, { a: 2 }), stamp('c', 1, { a: 1 })]
    expect(consistent(answers)).toEqual(answers)
  })
})

describe('quorum', () => {
  const failure = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => 'no failure',
      (error: unknown) => (types.isNativeError(error) ? `${error.name}: ${error.message}` : error),
    )

  test('resolves with the first answers that are enough, and waits for no others', async () => {
    const never = new Promise<Stamp>(() => {})
    const answers = await quorum(2, [never, Promise.resolve(stamp('a', 1)), Promise.resolve(stamp('b', 1))])
    expect(answers.map(({ name }) => name)).toEqual(['a', 'b'])
  })

  test('waits for a further answer in place of one that does not count', async () => {
    const answers = [stamp('a', 1), stamp('b', 1, { a: 2 }), stamp('c', 1)].map((answer) => Promise.resolve(answer))
    expect((await quorum(2, answers)).map(({ name }) => name)).toEqual(['b', 'c'])
  })

  test('rejects when too few answers are left', async () => {
    const answers = [Promise.resolve(stamp('a', 1)), Promise.reject(new Error('down'))]
    expect(await failure(quorum(2, answers))).toBe('NoQuorumError: 1 of 2 nodes answered')
    expect(await failure(quorum(1, []))).toBe('NoQuorumError: no node is known')
  })
})
