import { Atrion, createSystem, isInvalidArgumentError } from 'keelson'
import { admission } from 'keelson/express'
import { describe, expect, it } from 'vitest'

describe('options of admission', () => {
  it.each([
    ['options', 7],
    ['options', []],
    ['options.limits', { limits: 3 }],
    ['options.atrion', { atrion: {} }],
    ['options.system', { system: {} }],
    ['options.admission', { admission: 5 }],
    ['options.admission.limits', { admission: { limits: 5 } }],
    ['options.admission.limit', { admission: { limit: -1 } }],
    ['options.name', { name: '' }],
    ['options.name', { name: 'x'.repeat(257) }],
    ['options.key', { key: 'tenant' }],
    ['options.priority', { priority: 'urgent' }],
    ['options.priority', { priority: 0 }],
    ['options.priority', { priority: null }],
    ['options.timeoutMs', { timeoutMs: 0 }],
    ['options.timeoutMs', { timeoutMs: NaN }],
    ['options.maxWaitMs', { maxWaitMs: -1 }],
    ['options.skip', { skip: true }],
    ['options.statusCode', { statusCode: 399 }],
    ['options.statusCode', { statusCode: 600 }],
    ['options.statusCode', { statusCode: 503.5 }],
    ['options.handler', { handler: {} }],
    ['options.shadow', { shadow: 1 }],
    ['options.isFailure', { isFailure: 500 }],
    ['options.onShed', { onShed: null }],
  ])('%s is refused: %j', (field, options) => {
    expect(() => admission(options as never)).toThrow(expect.objectContaining({ field }))
  })

  it('one source of gates is enough', () => {
    const system = createSystem()
    const atrion = new Atrion({ system })
    for (const other of [{ system }, { admission: { limit: 3 } }]) {
      let error: unknown
      try {
        admission({ atrion, ...other })
      } catch (thrown) {
        error = thrown
      }
      expect(isInvalidArgumentError(error)).toBe(true)
      expect(error).toMatchObject({ field: `options.${Object.keys(other)[0]}` })
    }
  })

  it('what may be left out may be undefined', () => {
    const nothing = {
      atrion: undefined,
      admission: undefined,
      name: undefined,
      key: undefined,
      priority: undefined,
      timeoutMs: undefined,
      maxWaitMs: undefined,
      skip: undefined,
      statusCode: undefined,
      handler: undefined,
      shadow: undefined,
      isFailure: undefined,
      onShed: undefined,
    }
    expect(admission(nothing)).toHaveLength(3)
    expect(admission()).toHaveLength(3)
  })
})
