import { readFileSync } from 'node:fs'
import * as keelson from 'keelson'
import { expect, it } from 'vitest'
import { native as addon } from '../support/native.ts'

const { errorCodes } = addon as {
  errorCodes(): { code: string; class: string; meaning: string }[]
}

const codeOf = (value: unknown): string | undefined => (value as { code?: string }).code

it('has a class with a guard for each code of the core, and no other', () => {
  const classes = Object.entries(keelson).filter(([name]) => name.endsWith('Error') && !name.startsWith('is'))
  const own = classes
    .filter(([name]) => name !== 'KeelsonError')
    // A class with the code of its base only says more about the same failure.
    .filter(([, value]) => codeOf(Object.getPrototypeOf(value)) !== codeOf(value))
    .map(([name, value]) => [codeOf(value), name])
  const core = errorCodes().map((entry) => [entry.code, entry.class])
  expect(own.toSorted()).toEqual(core.toSorted())
  for (const [, name] of core) expect(keelson).toHaveProperty(`is${name}`)
})

it('documents each code', () => {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  for (const { code, class: name, meaning } of errorCodes()) {
    expect(page).toContain(`| \`${code}\` | \`${name}\` | ${meaning} |`)
  }
})

it('brands its errors, so that guards work across copies of the package', () => {
  const error = new keelson.InvalidArgumentError('field', 'a number', NaN)
  expect(error).toMatchObject({ name: 'InvalidArgumentError', code: 'KEELSON_INVALID_ARGUMENT', field: 'field' })
  expect(error.message).toBe('field must be a number, got NaN')
  expect(keelson.isInvalidArgumentError(error)).toBe(true)
  expect(keelson.isClosedError(error)).toBe(false)
  const foreign = { [Symbol.for('keelson.error')]: true, code: 'KEELSON_CLOSED' }
  expect(keelson.isClosedError(foreign)).toBe(true)
  for (const other of [new Error('x'), null, undefined, 'KEELSON_CLOSED', { code: 'KEELSON_CLOSED' }]) {
    expect(keelson.isKeelsonError(other)).toBe(false)
  }
  expect(Object.keys(error)).not.toContain('name')
})
