// The steps of `npm test` that check the package as it is published, and what in the checkout nothing uses.
import { bin, run, runBin } from './exec.mjs'
import { install } from './install.mjs'
import { packHere } from './pack.mjs'
import { at } from './paths.mjs'

/** The folder of the checkers, with a lock of its own: they bring a TypeScript of their own. */
const CHECKERS = at('scripts', 'checkers')

const runChecker = (packageName, command, args, sentence) =>
  run(process.execPath, [bin(packageName, command, CHECKERS), ...args], sentence)

/** The steps. They need those that build the package. */
export function packageSteps(needs) {
  let tarballs = []
  return [
    { name: 'checkers', needs: ['toolchain'], run: () => install(CHECKERS, 'checkers') },
    {
      name: 'pack',
      needs,
      run: async () => {
        tarballs = await packHere()
      },
    },
    {
      name: 'publint',
      needs: ['pack'],
      run: async () => {
        const args = ['run', at('npm', 'keelson'), '--strict']
        await runBin('publint', 'publint', args, 'The package is not fit to publish.')
      },
    },
    {
      name: 'attw',
      needs: ['pack', 'checkers'],
      run: async () => {
        // Resolution by the rules of Node 10 is left out: the package has `exports`, and needs Node 20.
        const args = [tarballs[0], '--profile', 'node16', '--no-color']
        await runChecker('@arethetypeswrong/cli', 'attw', args, 'The types of the package are wrong.')
      },
    },
    {
      name: 'knip',
      needs: [...needs, 'checkers'],
      run: async () => void (await runChecker('knip', 'knip', [], 'There is code or a dependency that nothing uses.')),
    },
  ]
}
