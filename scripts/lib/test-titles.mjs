// Lists the tests of a folder that holds a built version of the project, by title, without running them.
import { readFileSync, rmSync } from 'node:fs'
import { join, relative, sep } from 'node:path'

import { attempt } from './exec.mjs'
import { Failure } from './failure.mjs'
import { filesIn } from './stamp.mjs'

const bin = (folder, name, file) => join(folder, 'node_modules', name, file)

/** Runs a test runner in `folder` and returns the JSON that it writes to a file. */
async function report(folder, args) {
  const file = join(folder, '.cache', 'test-titles.json')
  rmSync(file, { force: true })
  const { code, output } = await attempt(process.execPath, args(file), { cwd: folder })
  if (code !== 0) throw new Failure(`The tests in ${folder} could not be listed.`, output)
  return JSON.parse(readFileSync(file, 'utf8'))
}

async function vitestTitles(folder) {
  const tests = await report(folder, (file) => [bin(folder, 'vitest', 'vitest.mjs'), 'list', `--json=${file}`])
  return tests.map(({ file, name }) => ({ file: relative(folder, file), title: name }))
}

/** A pattern that no title matches makes jest list its tests as pending. */
async function jestTitles(folder) {
  const none = '(?!)'
  const { testResults } = await report(folder, (file) => [
    bin(folder, 'jest', 'bin/jest.js'),
    '--json',
    `--outputFile=${file}`,
    `--testNamePattern=${none}`,
  ])
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ ancestorTitles, title }) => ({
      file: relative(folder, name),
      title: [...ancestorTitles, title].join(' > '),
    })),
  )
}

/** Returns what the first group of `pattern` finds in a file. */
const titlesIn = (path, pattern) => Array.from(readFileSync(path, 'utf8').matchAll(pattern), ([, title]) => title)

const RUST = /#\[test\]\s*(?:\/\/[^\n]*\s*|#\[[^\]]*\]\s*)*(?:pub\s+)?fn\s+(\w+)/g

/** A test of types has no title: each file is one. */
const typeTitles = (folder) =>
  filesIn(join(folder, '__test__'), (path) => /\.test-d\.m?ts$/.test(path)).map((path) => ({
    file: relative(folder, path),
    title: `types: ${path.slice(path.lastIndexOf(sep) + 1)}`,
  }))

/** The example blocks of pages are named by their lines, which move: they are counted and not named. */
const withoutLine = ({ file, title }) => ({ file, title: title.replaceAll(/\b[\w/-]+\.md:\d+/g, 'a block of a page') })

/** Files that are skipped as a whole here, for want of a Redis, are not listed: their titles stand in their text. */
function skippedTitles(folder, listed) {
  const files = filesIn(join(folder, '__test__'), (path) => /\.test\.(?:ts|js)$/.test(path))
  const skipped = files.filter((path) => !listed.some(({ file }) => file === relative(folder, path)))
  return skipped.flatMap((path) => {
    const titles = titlesIn(path, /^\s*(?:it|test)(?:\.\w+)*\(\s*(?:'|`|")(.*?)(?:'|`|"),/gm)
    if (titles.length === 0) throw new Failure(`No test was found in ${path}.`)
    return titles.map((title) => ({ file: relative(folder, path), title }))
  })
}

/** Returns `{ file, title }` of every test of the version in `folder`: vitest, jest, node:test, types, Rust. */
export async function testTitles(folder) {
  const listed = [...(await vitestTitles(folder)), ...(await jestTitles(folder))]
  const inText = (path, pattern) => titlesIn(path, pattern).map((title) => ({ file: relative(folder, path), title }))
  const nodeTests = filesIn(join(folder, '__test__', 'compat', 'node-test'))
  const rust = filesIn(join(folder, 'src'), (path) => path.endsWith('.rs'))
  return [
    ...listed,
    ...skippedTitles(folder, listed),
    ...nodeTests.flatMap((path) => inText(path, /^\s*(?:it|test)\((?:'|`|")(.*?)(?:'|`|"),/gm)),
    ...typeTitles(folder),
    ...rust.flatMap((path) => inText(path, RUST)),
  ].map(withoutLine)
}
