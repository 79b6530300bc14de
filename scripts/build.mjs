// npm run build: everything a clone needs to be imported, and the generated files brought up to date.
// npm run build -- --target <target>: the addon alone, for one of the platforms that package.json lists in `napi.targets`.
import { buildFor } from './lib/addon.mjs'
import { buildSteps } from './lib/build-steps.mjs'
import { Failure, main } from './lib/failure.mjs'
import { readFlags } from './lib/flags.mjs'
import { here, platforms } from './lib/platforms.mjs'
import { runAll } from './lib/steps.mjs'

/** The steps that build the addon of one platform. */
function targetSteps(target) {
  const platform = platforms().find((one) => one.target === target)
  if (platform === undefined) {
    const known = platforms().map((one) => one.target)
    throw new Failure(`There is no target ${target}; the targets are ${known.join(', ')}.`)
  }
  const steps = buildSteps()
  // The usual build makes this machine's own in the same way.
  if (target === here().target)
    return steps.filter(({ name }) => ['toolchain', 'install', 'addon', 'dashboard'].includes(name))
  const own = steps.filter(({ name }) => ['toolchain', 'install'].includes(name))
  return [...own, { name: `addon ${platform.build}`, needs: ['install'], run: () => buildFor(platform) }]
}

await main(() => {
  const { target } = readFlags({ target: { type: 'string' } }, 'npm run build takes --target <target>')
  return runAll(target === undefined ? buildSteps({ write: true }) : targetSteps(target))
})
