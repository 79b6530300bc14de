import { Editor } from './editor.mjs'
import { readMessage } from './protocol.mjs'
import { applyChange, type Change, type Sequence, textOf } from './sequence.mjs'

/** Returns every order of a list. */
function orders<T>(list: readonly T[]): T[][] {
  if (list.length === 0) return [[]]
  return list.flatMap((first, index) => orders(list.toSpliced(index, 1)).map((rest) => [first].concat(rest)))
}

describe('a text that several change at the same time', () => {
  const base: Change = { type: 'insert', site: 'a', n: 1, after: null, counter: 1, text: 'ad' }
  const concurrent: Change[] = [
    { type: 'insert', site: 'a', n: 2, after: [1, 'a'], counter: 3, text: 'b1' },
    { type: 'insert', site: 'b', n: 1, after: [1, 'a'], counter: 3, text: 'c2' },
    { type: 'remove', site: 'c', n: 1, runs: [[1, 'a', 1]] },
    { type: 'insert', site: 'd', n: 1, after: [1, 'a'], counter: 7, text: '漢😀' },
  ]

  test('is the same in whatever order the changes are applied', () => {
    const texts = orders(concurrent).map((changes) => {
      const empty: Sequence = []
      return textOf([base, ...changes].reduce(applyChange, empty))
    })
    expect(texts).toHaveLength(24)
    expect(new Set(texts)).toEqual(new Set(['漢😀c2b1d']))
  })

  test('keeps what one typed in one piece', () => {
    const changes: Change[] = [
      base,
      { type: 'insert', site: 'b', n: 1, after: [2, 'a'], counter: 3, text: 'one' },
      { type: 'insert', site: 'c', n: 1, after: [2, 'a'], counter: 4, text: 'two' },
    ]
    const empty: Sequence = []
    const sequence = changes.reduce(applyChange, empty)
    expect(textOf(sequence)).toBe('adtwoone')
  })
})

describe('an editor', () => {
  const alone = (): { editor: Editor; sent: Change[] } => {
    const sent: Change[] = []
    const editor = new Editor({ document: 'page', site: 'a', name: 'Ann' })
    editor.connect((text) => {
      const message = readMessage(text)
      if (message?.type === 'edit') sent.push(...message.changes)
    })
    return { editor, sent }
  }

  test('makes the least change of a new text', () => {
    const { editor, sent } = alone()
    editor.setText('a sentence')
    editor.setText('a long sentence')
    editor.setText('a long sent')
    expect(editor.text).toBe('a long sent')
    expect(sent.map((change) => (change.type === 'insert' ? change.text : change.runs))).toEqual([
      'a sentence',
      'long ',
      [[7, 'a', 4]],
    ])
  })

  test('keeps its cursor behind the same character while others type', () => {
    const { editor } = alone()
    editor.insert(0, 'hello')
    editor.cursor = 3
    const foreign = { type: 'insert', site: 'b', n: 1, after: null, counter: 9, text: '😀😀' }
    const own = { type: 'insert', site: 'a', n: 1, after: null, counter: 1, text: 'hello' }
    editor.receive(JSON.stringify({ type: 'changes', from: 0, changes: [own, foreign] }))
    expect([editor.text, editor.cursor, editor.isSaved]).toEqual(['😀😀hello', 5, true])
    editor.remove(0, 5)
    expect([editor.text, editor.cursor]).toEqual(['lo', 0])
  })

  test('cuts a long text into changes that the server takes', () => {
    const { editor, sent } = alone()
    const long = '漢字😀'.repeat(2000)
    editor.insert(0, long)
    expect(editor.text).toBe(long)
    expect(sent.length).toBeGreaterThan(1)
  })
})

describe('a message that no editor sends is not read', () => {
  test.each([
    'nonsense',
    'null',
    '{"type":"hello","document":"../../etc","site":"a","name":"a","position":0}',
    '{"type":"hello","document":"page","site":"A B","name":"a","position":0}',
    '{"type":"beat","position":-1,"cursor":0}',
    '{"type":"edit","changes":[{"type":"insert","site":"a","n":1,"after":null,"counter":1,"text":""}]}',
    '{"type":"edit","changes":[{"type":"insert","site":"a","n":1,"after":null,"counter":1,"text":"\\ud83d"}]}',
    '{"type":"edit","changes":[{"type":"remove","site":"a","n":1,"runs":[[1,"a",1e9]]}]}',
  ])('%s', (text) => expect(readMessage(text)).toBeUndefined())
})
