// The types of the packed package, as compilers of users read them. `npm run matrix` also reads all of `__test__/types`.
import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { entries } from '../../scripts/lib/entries.mjs'
import { packageTools, TOOLS } from '../../scripts/lib/runtimes.mjs'
import { root } from '../support/root.ts'
import { createUserFolder, type UserFolder } from '../support/user-folder.ts'

const program = join(import.meta.dirname, 'user', 'types', 'consumer.ts')

const compilers: readonly (readonly [version: string, modules: string])[] = [
  ['7', join(root, 'node_modules')],
  ['5.9', join(TOOLS, 'node_modules')],
]
/** The settings of `module` and `moduleResolution`. A bundler reads ES modules. */
const settings: readonly (readonly [module: string, resolution: string, files: readonly string[]])[] = [
  ['node16', 'node16', ['consumer.mts', 'consumer.cts']],
  ['nodenext', 'nodenext', ['consumer.mts', 'consumer.cts']],
  ['esnext', 'bundler', ['consumer.mts']],
]

/** Faults that an older compiler finds in the type tests. One that it no longer finds leaves the list. */
const knownFaults: Readonly<Record<string, readonly RegExp[]>> = {
  // TypeScript 5.9 gives the rest parameter of a template no type: write `(...list: unknown[])` there.
  '5.9': [/otp-supervisor\.test-d\.mts\(\d+,\d+\): error TS7019: Rest parameter 'list'/],
}

let user: UserFolder
beforeAll(async () => {
  await packageTools()
  user = await createUserFolder([
    'express',
    'fastify',
    'koa',
    'hono',
    'cockatiel',
    'express-rate-limit',
    'fast-check',
    '@types',
  ])
  for (const extension of ['mts', 'cts']) cpSync(program, join(user.home, `consumer.${extension}`))
  cpSync(join(root, '__test__', 'types'), join(user.home, 'types'), { recursive: true })
})
afterAll(() => user.remove())

test('the program takes something from every entry', () => {
  const text = readFileSync(program, 'utf8')
  const names = entries().map(({ subpath }) => (subpath === '.' ? 'keelson' : `keelson/${subpath.slice(2)}`))
  expect(names.filter((name) => !text.includes(`from '${name}'`))).toEqual([])
})

describe.each(compilers)('TypeScript %s', (version, modules) => {
  const compiler = join(modules, 'typescript', 'bin', 'tsc')

  test('is that version', async () => {
    const { output } = await user.run(process.execPath, [compiler, '--version'])
    expect(output).toMatch(new RegExp(`^Version ${version}\\.`))
  })

  /** Compiles files, with every check that a user may have. */
  async function compile(
    module: string,
    resolution: string,
    files: readonly string[],
    known: readonly RegExp[] = [],
  ): Promise<void> {
    const compilerOptions = {
      module,
      moduleResolution: resolution,
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable'],
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      // The types of Koa need an older version of this package than those of Express, which brings types of its own.
      paths: { 'content-disposition': [join(root, 'node_modules/@types/content-disposition/index.d.ts')] },
    }
    const project = `tsconfig.${resolution}.json`
    user.write(project, JSON.stringify({ compilerOptions, files }))
    const { code, output } = await user.run(process.execPath, [compiler, '-p', project])
    const faults = output.split('\n').filter((line) => line.trim() !== '')
    expect(faults.filter((line) => !known.some((fault) => fault.test(line)))).toEqual([])
    expect(known.filter((fault) => !faults.some((line) => fault.test(line)))).toEqual([])
    if (known.length === 0) expect(code, output).toBe(0)
  }

  test.each(settings)('--strict, module %s, moduleResolution %s', (module, resolution, files) =>
    compile(module, resolution, files),
  )

  test('a wrong option is refused', async () => {
    user.write('wrong.mts', "import { rateLimit } from 'keelson/express'\nrateLimit({ limitt: 3 })\n")
    await compile('nodenext', 'nodenext', ['wrong.mts'], [/limitt/])
  })

  if (process.env['KEELSON_MATRIX'] !== undefined) {
    test('the type tests of this repository', async () => {
      const files = readdirSync(join(root, '__test__', 'types')).filter((name) => /\.test-d\.m?ts$/.test(name))
      await compile(
        'nodenext',
        'nodenext',
        files.map((name) => `types/${name}`),
        knownFaults[version],
      )
    })
  }
})
