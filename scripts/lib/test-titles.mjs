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

/** Titles that stand in the text of the files that `keep` accepts: `pattern` has the title in its first group. */
const titlesIn = (folder, root, keep, pattern) =>
  filesIn(join(folder, root), keep).flatMap((path) =>
    Array.from(readFileSync(path, 'utf8').matchAll(pattern), (match) => ({
      file: relative(folder, path),
      title: match[1],
    })),
  )

const isNodeTest = (path) => path.includes('node-test') && path.endsWith('.mjs')

const RUST = /#\[test\]\s*(?:\/\/[^\n]*\s*|#\[[^\]]*\]\s*)*(?:pub\s+)?fn\s+(\w+)/g

/** A test of types has no title: each file is one. */
const typeTitles = (folder) =>
  filesIn(join(folder, '__test__'), (path) => /\.test-d\.m?ts$/.test(path)).map((path) => ({
    file: relative(folder, path),
    title: `types: ${path.slice(path.lastIndexOf(sep) + 1)}`,
  }))

/** The example blocks of pages are named by their lines, which move: they are counted and not named. */
const withoutLine = ({ file, title }) => ({ file, title: title.replaceAll(/\b[\w/-]+\.md:\d+/g, 'a block of a page') })

/** Returns `{ file, title }` of every test of the version in `folder`: vitest, jest, node:test, types, Rust. */
export async function testTitles(folder) {
  const titles = [...(await vitestTitles(folder)), ...(await jestTitles(folder))]
  const unheard = filesIn(join(folder, '__test__'), (path) => /\.test\.(?:ts|js)$/.test(path))
    .map((path) => relative(folder, path))
    .filter((path) => !titles.some(({ file }) => file === path))
  if (unheard.length > 0) throw new Failure('Files of tests in which none was found.', unheard.join('\n'))
  return [
    ...titles,
    ...titlesIn(folder, '__test__', isNodeTest, /^\s*(?:test|it)\((?:'|`|")(.*?)(?:'|`|"),/gm),
    ...typeTitles(folder),
    ...titlesIn(folder, 'src', (path) => path.endsWith('.rs'), RUST),
  ].map(withoutLine)
}
