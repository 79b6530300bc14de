// What `npm test` consists of. A later check is one more entry here.
import { buildSteps, hooksStep } from './build-steps.mjs'
import { cargoTest, nextest } from './counts.mjs'
import { toolStep } from './debian-tools.mjs'
import { compileExamplesStep, examplesStep } from './examples.mjs'
import { attempt, run, runBin } from './exec.mjs'
import { Failure } from './failure.mjs'
import { failedTests, jsTests, vitestArgs } from './js-tests.mjs'
import { packageSteps } from './package-steps.mjs'
import { at } from './paths.mjs'
import { NODES_OF_TEST, OTHERS, packageTools, runtimesStep } from './runtimes.mjs'
import { siteSteps } from './site.mjs'
import { filesIn } from './stamp.mjs'

/** The core without napi. */
export const core = ['--locked', '--no-default-features']
/** The terminal dashboard, a crate of its own. */
export const ofDashboard = ['--locked', '--package', 'keelson-dashboard']
/** Warnings are failures. */
export const lintsOfRust = ['--', '-D', 'warnings']

/** Cargo locks a folder of builds: steps that build in the same one would only wait for each other. */
export const debug = 'target/debug'

/** A step that is one program which has to succeed. */
export const program = (name, needs, command, args, sentence, uses) => ({
  name,
  needs,
  uses,
  run: async () => void (await run(command, args, sentence)),
})

/** A step that is a command of an installed package. */
export const tool = (name, needs, packageName, command, args, sentence) => ({
  name,
  needs,
  run: async () => void (await runBin(packageName, command, args, sentence)),
})

async function rustTests(args, read, sentence, options) {
  const { code, output } = await attempt('cargo', args, options)
  const { counts, lines } = read(output)
  if (code !== 0) throw failedTests(sentence, output, counts)
  return { counts, lines }
}

async function coreTests() {
  const sentence = 'The tests of the Rust core failed.'
  const hasNextest = (await attempt('cargo', ['nextest', '--version'])).code === 0
  if (!hasNextest) return rustTests(['test', '--lib', '--examples', ...core], cargoTest, sentence)
  return rustTests(['nextest', 'run', '--no-tests', 'pass', '--status-level', 'fail', ...core], nextest, sentence)
}

/** A step that runs `cargo test` with these arguments. */
export const rustTestStep = (name, args, uses = debug) => ({
  name,
  needs: ['toolchain'],
  uses,
  run: () => rustTests(['test', ...args], cargoTest, 'The tests of the Rust core failed.'),
})

/** The loom models: the core once more, with every lock and atomic replaced by loom's, which tries the interleavings. */
function loomModels() {
  const flags = [process.env.RUSTFLAGS, '--cfg loom'].filter(Boolean).join(' ')
  // The models run for seconds either way; to optimise the whole core for them takes minutes.
  const profile = { CARGO_PROFILE_TEST_OPT_LEVEL: '0', CARGO_PROFILE_TEST_DEBUG: '0' }
  const env = { RUSTFLAGS: flags, LOOM_MAX_PREEMPTIONS: process.env.LOOM_MAX_PREEMPTIONS ?? '3', ...profile }
  const args = ['test', '--lib', ...core, '--target-dir', at('target', 'loom'), '--', 'loom_model::']
  return rustTests(args, cargoTest, 'A loom model failed.', { env })
}

async function coreWithoutNapi() {
  const sentence = 'Cargo could not list the dependencies of the core.'
  const tree = await run('cargo', ['tree', '-e', 'normal,build', '--prefix', 'none', ...core], sentence)
  const napi = tree.split('\n').filter((text) => text.startsWith('napi'))
  if (napi.length > 0) throw new Failure('The core depends on napi without the feature `binding`.', napi.join('\n'))
}

const jestArgs = (file) => ['--config', at('jest.config.cjs'), '--json', `--outputFile=${file}`]

const jestTests = () => filesIn(at('__test__', 'compat', 'jest')).filter((path) => path.endsWith('.test.js'))

/** Type-checks the page of the dashboard, and the consumers of the types: tests and examples. */
async function typeTests() {
  const projects = [
    [at('__test__'), at('__test__', 'tsconfig.json')],
    [at('__test__', 'types'), at('__test__', 'types', 'tsconfig.json')],
    [at('examples'), at('tsconfig.examples.json')],
    [at('web'), at('tsconfig.web.json')],
  ]
  let count = 0
  for (const [folder, project] of projects) {
    const files = filesIn(folder, (path) => /\.(m?ts|js)$/.test(path) && !/\.d\.m?ts$/.test(path))
    if (files.length === 0) continue
    await runBin('typescript', 'tsc', ['-p', project, '--noEmit'], 'The types of tests, examples or pages do not hold.')
    count += files.length
  }
  return { note: `${count} files` }
}

/** Test files that install the packed package and start other programs. They are slow, so their time is printed. */
const INSTALLED = /^__test__\/package\/(?:tarball|installed|compilers|bundlers|runtimes)\.test\.ts$/

/** A line about the time that those files took, when they ran. */
function installedTime(times) {
  const own = times.filter(([path]) => INSTALLED.test(path)).map(([, seconds]) => seconds)
  const sum = own.reduce((total, seconds) => total + seconds, 0)
  return own.length === 0 ? [] : [`  Installed  ${sum.toFixed(0)} s in ${own.length} files`]
}

/** The step that runs vitest, with these further arguments. */
export const vitestStep = (needs, extra) => ({
  name: 'vitest',
  needs,
  // It starts as many test files at a time as there are processors.
  alone: true,
  run: async () => {
    const { lines, times, ...result } = await jsTests('vitest', vitestArgs(extra), 'The JavaScript tests failed.')
    return { ...result, lines: [...lines, ...installedTime(times)] }
  },
})

/** The step that checks the types of tests and examples. */
export const typesStep = (needs) => ({ name: 'types', needs, run: typeTests })

/** Every step of `npm test`, in order. `vitest` holds extra arguments for the JavaScript tests. */
export function testSteps({ vitest = [] } = {}) {
  const built = ['esm']
  const build = buildSteps({ components: true, compare: true })
  const [toolchain, installation, ...rest] = build
  return [
    toolchain,
    // For the tests of the installed package, which would fetch them too. Here they are fetched while Rust is compiled.
    { name: 'package-tools', needs: ['toolchain'], run: packageTools },
    runtimesStep([...NODES_OF_TEST, ...OTHERS], ['toolchain']),
    program(
      'rustfmt',
      ['toolchain'],
      'cargo',
      ['fmt', '--all', '--check'],
      'Rust formatting differs: run `npm run format`.',
    ),
    program(
      'clippy-core',
      ['toolchain'],
      'cargo',
      ['clippy', '--all-targets', ...core, ...lintsOfRust],
      'Clippy found faults in the core.',
      debug,
    ),
    program(
      'clippy',
      ['toolchain'],
      'cargo',
      ['clippy', '--all-targets', '--locked', '--features', 'test-hooks', ...lintsOfRust],
      'Clippy found faults in the binding.',
      debug,
    ),
    program(
      'clippy-dashboard',
      ['toolchain'],
      'cargo',
      ['clippy', ...ofDashboard, '--all-targets', ...lintsOfRust],
      'Clippy found faults in the dashboard.',
      debug,
    ),
    { name: 'no-napi', needs: ['toolchain'], run: coreWithoutNapi },
    { name: 'core', needs: ['toolchain'], uses: debug, run: coreTests },
    rustTestStep('dashboard-core', [...ofDashboard, '--no-default-features', '--lib']),
    {
      name: 'doctests',
      needs: ['toolchain'],
      uses: debug,
      run: () => rustTests(['test', '--doc', ...core], cargoTest, 'The examples in the Rust documentation failed.'),
    },
    { name: 'loom', needs: ['toolchain'], run: loomModels },
    installation,
    ...rest,
    hooksStep,
    tool('oxlint', ['install'], 'oxlint', 'oxlint', ['--deny-warnings'], 'The JavaScript lints found faults.'),
    tool('oxfmt', ['install'], 'oxfmt', 'oxfmt', ['--check'], 'JavaScript formatting differs: run `npm run format`.'),
    toolStep('redis', ['toolchain']),
    toolStep('chromium', ['toolchain']),
    toolStep('tmux', ['toolchain']),
    compileExamplesStep,
    ...siteSteps({ api: true, needs: built }),
    vitestStep(
      [...built, 'addon-hooks', 'site', 'redis', 'chromium', 'tmux', 'package-tools', 'runtimes', 'compile-examples'],
      vitest,
    ),
    {
      name: 'jest',
      needs: built,
      run: () =>
        jestTests().length === 0
          ? { note: 'no tests' }
          : jsTests('jest', jestArgs, 'The package does not work under Jest.'),
    },
    examplesStep(['compile-examples']),
    typesStep(built),
    ...packageSteps(built),
  ]
}
