/** `jest.mock` of the root, which loads its areas late. */
jest.mock('keelson', () => ({ ...jest.requireActual('keelson'), createAtom: jest.fn(() => 'an atom') }))

const keelson = require('keelson')

describe('a mock of the root', () => {
  it('replaces a name and keeps the others', () => {
    expect(keelson.createAtom()).toBe('an atom')
    expect(new keelson.KeelsonError('CODE', 'text')).toBeInstanceOf(Error)
    expect(keelson.ok(1)).toEqual(jest.requireActual('keelson').ok(1))
  })

  it('is watched by a spy, also for a name that was not touched before', () => {
    const actual = jest.requireActual('keelson')
    const spy = jest.spyOn(actual, 'createJournal').mockReturnValue('a journal')
    expect(actual.createJournal()).toBe('a journal')
    spy.mockRestore()
    expect(actual.createJournal()).toBeInstanceOf(actual.Journal)
  })
})
