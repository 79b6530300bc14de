import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openJournal } from 'keelson/journal'

import { explain, listen, Refusal } from './program.mjs'

const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

test('a refusal is explained by its own line', () => {
  expect(explain(new Refusal('Choose one.'))).toBe('Choose one.')
})

test('a taken port is explained in one line', async () => {
  const first = createServer()
  await listen(first)
  const { port } = first.address() as AddressInfo
  const error = await errorOf(listen(createServer(), port))
  expect(explain(error)).toBe(`Port ${port} is taken: choose another with --port, or 0 for any.`)
  first.close()
})

describe('a folder that cannot be used', () => {
  let folder = ''
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'example-'))))
  afterEach(() => rm(folder, { recursive: true }))

  test('a journal in the place of a file is explained in one line', async () => {
    const file = join(folder, 'file')
    await writeFile(file, '')
    const line = explain(await errorOf(openJournal(join(file, 'journal'))))
    expect(line).toContain(file)
    expect(line).not.toContain('\n')
  })

  test('a file that cannot be written is explained in one line', async () => {
    const error = await errorOf(writeFile(join(folder, 'missing', 'plot.svg'), ''))
    expect(explain(error)).toBe(`Cannot use ${join(folder, 'missing', 'plot.svg')}: ENOENT.`)
  })

  test('a folder without write access is explained in one line', () => {
    const path = join(folder, 'data')
    const message = `EACCES: permission denied, mkdir '${path}'`
    const error = Object.assign(new Error(message), { code: 'EACCES', path, syscall: 'mkdir' })
    expect(explain(error)).toBe(`Cannot use ${path}: EACCES.`)
  })
})

test('a fault of the program is not explained away', () => {
  expect(explain(new TypeError('x is not a function'))).toBeUndefined()
  expect(explain('thrown text')).toBeUndefined()
})
