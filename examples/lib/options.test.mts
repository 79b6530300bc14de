import { numberOf, options, portOf } from './options.mjs'
import { Refusal } from './program.mjs'

const flags = { port: { type: 'string', default: '0' }, quiet: { type: 'boolean' } } as const

describe('options', () => {
  test('returns the flags and the words', () => {
    const { values, positionals } = options(flags, { args: ['shop', '--port', '80'], words: ['shop'] })
    expect([values.port, values.quiet, positionals]).toEqual(['80', undefined, ['shop']])
  })

  test.each([
    [['--prot', '80'], "Unknown option '--prot'. You may pass the flags --port, --quiet."],
    [['shop'], "Unexpected word 'shop'. You may pass the flags --port, --quiet."],
    [['--port'], "Option '--port <value>' argument missing. You may pass the flags --port, --quiet."],
  ])('refuses %j in one line', (args, line) => {
    const refused = () => options(flags, { args })
    expect(refused).toThrow(Refusal)
    expect(refused).toThrow(line)
    expect(line).not.toContain('\n')
  })

  test('says so where there are no flags', () => {
    expect(() => options({}, { args: ['--fast'] })).toThrow("Unknown option '--fast'. There are no flags.")
  })
})

describe('numbers', () => {
  test('returns a number in its range', () => {
    expect(numberOf('seconds', '2.5', { min: 0, max: 3, isInteger: false })).toBe(2.5)
    expect(portOf('65535')).toBe(65_535)
  })

  test.each(['', 'many', '-1', '65536', '1.5'])('refuses the port %j', (text) => {
    expect(() => portOf(text)).toThrow(`--port must be an integer from 0 to 65535, not '${text}'.`)
  })
})
