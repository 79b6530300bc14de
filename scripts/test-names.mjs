// npm run test:names -- <commit>: pairs the tests of a commit with those of the work tree by their full titles, wherever
// their files lie, and prints those without a partner. Exits with 1 when a test of the commit has none. Titles that had
// to change are paired by scripts/lib/renamed-tests.mjs.
import { buildSteps } from './lib/build-steps.mjs'
import { builtCommit } from './lib/commit.mjs'
import { Failure, main } from './lib/failure.mjs'
import { root } from './lib/paths.mjs'
import { titleNow } from './lib/renamed-tests.mjs'
import { runAll } from './lib/steps.mjs'
import { testTitles } from './lib/test-titles.mjs'

const [commit] = process.argv.slice(2)

/** Takes one test with this title out of `tests`. Returns whether there was one. */
function take(tests, title) {
  const found = tests.get(title)
  if (found === undefined) return false
  found.pop()
  if (found.length === 0) tests.delete(title)
  return true
}

function byTitle(tests) {
  const titles = new Map()
  for (const { file, title } of tests) titles.set(title, [...(titles.get(title) ?? []), file])
  return titles
}

await main(async () => {
  if (commit === undefined) throw new Failure('npm run test:names -- <commit>')
  const failed = await runAll(buildSteps())
  if (failed !== 0) return failed
  const before = await testTitles(await builtCommit(commit))
  const now = await testTitles(root)
  const left = byTitle(now)
  const unequal = before.filter(({ title }) => !take(left, title))
  const lost = unequal.filter(({ title }) => !take(left, titleNow(title)))
  const added = [...left].flatMap(([title, files]) => files.map((file) => ({ file, title })))
  for (const { file, title } of lost) process.stdout.write(`lost   ${file}: ${title}\n`)
  for (const { file, title } of added) process.stdout.write(`new    ${file}: ${title}\n`)
  process.stdout.write(
    `\n${before.length} tests at ${commit}, ${now.length} now: ${before.length - unequal.length} have the same title, ` +
      `${unequal.length - lost.length} a new title; ${lost.length} without a partner. ${added.length} are new.\n`,
  )
  return lost.length === 0 ? 0 : 1
})
