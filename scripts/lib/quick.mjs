// npm test -- --quick: what the files that differ from HEAD can break, within a minute, or two when the addon is rebuilt.
// Lints, types and the house rules run always; of the tests, those near the changed files (related.mjs). It is the short loop
// between two edits, and no substitute for `npm test`.
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

import { buildSteps, hooksStep } from './build-steps.mjs'
import { toolStep } from './debian-tools.mjs'
import { changedExamples, compileExamplesStep, examplesStep } from './examples.mjs'
import { run } from './exec.mjs'
import { testTimes } from './js-tests.mjs'
import { at, shown } from './paths.mjs'
import { relatedTests, rustFilters, within } from './related.mjs'
import { filesIn } from './stamp.mjs'
import {
  core,
  debug,
  lintsOfRust,
  ofDashboard,
  program,
  rustTestStep,
  tool,
  typesStep,
  vitestStep,
} from './test-steps.mjs'

/** The time that the JavaScript tests may take, by the times of earlier runs. */
const SECONDS = 30
/** The time that a test file takes beside its tests, to start its process. */
const START_SECONDS = 1.5
/** Every change can break these. */
const ALWAYS = ['__test__/house/house.test.ts', '__test__/house/rules.test.ts', '__test__/package/exports.test.ts']

const lines = (text) => text.split('\n').filter((line) => line !== '')

const git = (args) => run('git', args, 'Only a clone knows what changed: --quick needs git.', { cwd: at() })

/** Files that differ from HEAD, and new ones. */
async function changedFiles() {
  const differ = await git(['diff', '--name-only', '--no-renames', 'HEAD'])
  return [...lines(differ), ...lines(await git(['ls-files', '--others', '--exclude-standard']))]
}

function chooseTests(changed) {
  const tests = filesIn(at('__test__'), (path) => /\.test\.m?[tj]s$/.test(path))
    .map(shown)
    .filter((path) => !path.startsWith('__test__/compat/jest/'))
  const sources = filesIn(at('js'), (path) => path.endsWith('.ts')).map((path) => ({
    path: shown(path),
    text: readFileSync(path, 'utf8'),
  }))
  const always = ALWAYS.filter((path) => tests.includes(path))
  const related = relatedTests(changed, tests, sources).filter((path) => !always.includes(path))
  const known = testTimes()
  const timeOf = (test) => (known[test] ?? 1) + START_SECONDS
  const chosen = within(SECONDS, related, timeOf, availableParallelism())
  return { chosen: [...always, ...chosen], left: related.length - chosen.length }
}

/** The steps of `npm test -- --quick`, and a line that says what they are for. */
export async function quickSteps() {
  const changed = await changedFiles()
  const rust = changed.filter((path) => /^(src\/|Cargo\.|build\.rs|rustfmt|clippy)/.test(path))
  const { chosen, left } = chooseTests(changed)
  const filters = rustFilters(changed)
  const dashboard = changed.filter((path) => /^(dashboard\/|Cargo\.|rustfmt|clippy)/.test(path))
  const hasDashboard = dashboard.length > 0
  const tools = ['redis', 'chromium', 'tmux'].filter((name) => chosen.some((path) => path.includes(name)))
  const examples = changedExamples(changed)
  const build = buildSteps({
    components: rust.length > 0,
    compare: true,
    addon: rust.length > 0 ? 'quick' : 'release',
    dashboard: hasDashboard ? 'quick' : 'release',
  })
  const [toolchain, ...rest] = build
  const rustSteps = [
    program(
      'rustfmt',
      ['toolchain'],
      'cargo',
      ['fmt', '--all', '--check'],
      'Rust formatting differs: run `npm run format`.',
    ),
    program('clippy', ['toolchain'], 'cargo', ['clippy', '--locked', ...lintsOfRust], 'Clippy found faults.', debug),
    rustTestStep('core', ['--profile', 'quick', '--lib', ...core, '--', ...filters], 'target/quick'),
  ]
  const dashboardSteps = [
    program(
      'clippy-dashboard',
      ['toolchain'],
      'cargo',
      ['clippy', ...ofDashboard, ...lintsOfRust],
      'Clippy found faults.',
      debug,
    ),
    rustTestStep('dashboard-core', [...ofDashboard, '--no-default-features', '--lib']),
  ]
  const note = left === 0 ? '' : `; ${left} more that fit no more are left to \`npm test\``
  return {
    summary: `${changed.length} changed files, ${chosen.length} test files${note}\n`,
    steps: [
      toolchain,
      ...(rust.length > 0 ? rustSteps : []),
      ...(hasDashboard ? dashboardSteps : []),
      ...rest,
      ...(chosen.some((path) => path.startsWith('__test__/seam/')) ? [hooksStep] : []),
      ...tools.map((name) => toolStep(name)),
      tool('oxlint', ['install'], 'oxlint', 'oxlint', ['--deny-warnings'], 'The JavaScript lints found faults.'),
      tool('oxfmt', ['install'], 'oxfmt', 'oxfmt', ['--check'], 'JavaScript formatting differs: run `npm run format`.'),
      typesStep(['esm']),
      ...(examples.length > 0 ? [compileExamplesStep] : []),
      vitestStep(['esm', 'addon-hooks', 'redis', 'chromium', 'tmux', 'compile-examples'], chosen),
      ...(examples.length > 0 ? [examplesStep(['compile-examples'], examples)] : []),
    ],
  }
}
