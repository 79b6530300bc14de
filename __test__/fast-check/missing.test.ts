/** A program without fast-check. */
import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'

import { root } from '../support/root.ts'

it('says which package to install, and loads all the same', () => {
  const program = `
    const { Module } = require('node:module')
    const resolve = Module._resolveFilename
    Module._resolveFilename = (name, ...rest) => {
      if (name !== 'fast-check') return resolve(name, ...rest)
      throw Object.assign(new Error('not there'), { code: 'MODULE_NOT_FOUND' })
    }
    const { simulation, simulationFor } = require('keelson/fast-check')
    try {
      simulation()
    } catch (error) {
      console.log(error.code, error.packages.join())
    }
    simulationFor([1]).run((sim) => sim.choose(2, 'which')).then(() => console.log('ran'))
  `
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], { cwd: root, encoding: 'utf8' })
  expect([stdout, stderr]).toEqual(['KEELSON_DEPENDENCY_MISSING fast-check\nran\n', ''])
})
