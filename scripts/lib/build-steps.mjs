// The steps from a fresh clone to a package that can be imported; each is skipped when nothing it reads changed.
import { buildAddon, buildDashboard } from './addon.mjs'
import { checkGenerated, nativeTypes, writeGenerated } from './generated.mjs'
import { install } from './install.mjs'
import { checkToolchain } from './toolchain.mjs'
import { compile, writeEsm } from './typescript.mjs'

const changed = (count) => (count === 0 ? false : { note: `${count} written` })

/**
 * With `write`, what is generated and committed is brought up to date on the way; without, it is only compared
 * (by the tests) or left alone. `addon` and `dashboard` are the kinds to build: what users get, or the quick one. A `dashboard` of
 * `'none'` is left out: nothing else needs that addon.
 */
export function buildSteps(options = {}) {
  const { components = false, write = false, compare = false, addon = 'release', dashboard = 'release' } = options
  let toolchain = ''
  const types = () => {
    if (write) return changed(writeGenerated(nativeTypes).length)
    return compare ? checkGenerated(nativeTypes) : false
  }
  return [
    {
      name: 'toolchain',
      run: async () => {
        toolchain = await checkToolchain({ components })
      },
    },
    { name: 'install', needs: ['toolchain'], run: () => install() },
    { name: 'addon', needs: ['install'], run: () => buildAddon(addon, toolchain) },
    // After the other one: both build in the same folder.
    ...(dashboard === 'none'
      ? []
      : [{ name: 'dashboard', needs: ['addon'], run: () => buildDashboard(dashboard, toolchain) }]),
    ...(write || compare ? [{ name: 'native-types', needs: ['dashboard'], run: types }] : []),
    { name: 'typescript', needs: ['install', ...(write || compare ? ['native-types'] : [])], run: () => compile() },
    {
      name: 'esm',
      needs: ['typescript', dashboard === 'none' ? 'addon' : 'dashboard'],
      run: () => changed(writeEsm()),
    },
    ...(write ? [{ name: 'generated', needs: ['esm'], run: () => changed(writeGenerated().length) }] : []),
    ...(compare ? [{ name: 'generated', needs: ['esm'], run: () => checkGenerated() }] : []),
  ]
}

/** The addon with the exports that exist to be broken, for the tests of the seam. */
export const hooksStep = { name: 'addon-hooks', needs: ['install'], run: () => buildAddon('hooks', '') }
