import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

import { loadLate } from '../../scripts/lib/late-names.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Runs a CommonJS program, in which `chunks()` lists what is loaded. Returns what it prints as JSON. */
function run(program: string): unknown {
  const code = `
    const { basename } = require('node:path')
    const chunks = () => Object.keys(require.cache).map((path) => basename(path)).filter((name) => /^chunk-/.test(name))
    ${program}`
  return JSON.parse(execFileSync(process.execPath, ['--eval', code], { cwd: root, encoding: 'utf8' }))
}

test('the root loads the base alone', () => {
  expect(run(`require('keelson'); console.log(JSON.stringify(chunks()))`)).toEqual(['chunk-base.js'])
})

test('taking a name loads the files of its area', () => {
  const loaded = run(
    `const { createAtom } = require('keelson'); console.log(JSON.stringify([chunks(), createAtom(1).get()]))`,
  )
  expect(loaded).toEqual([['chunk-base.js', 'chunk-atom.js'], 1])
})

test('listing the names, and asking for one, loads nothing', () => {
  const [count, has, loaded] = run(`
    const keelson = require('keelson')
    console.log(JSON.stringify([Object.keys(keelson).length, 'GenServer' in keelson, chunks()]))`) as unknown[]
  expect(count).toBeGreaterThan(200)
  expect(has).toBe(true)
  expect(loaded).toEqual(['chunk-base.js'])
})

test('a copy of the root has every value, each that of its entry', () => {
  const differ = run(`
    const all = { ...require('keelson') }
    const entries = ['atom', 'atrion', 'clock', 'effect', 'journal', 'otp', 'system'].map((name) => require('keelson/' + name))
    const others = Object.entries(all).filter(([name, value]) =>
      value === undefined || entries.some((entry) => name in entry && entry[name] !== value))
    console.log(JSON.stringify(others.map(([name]) => name)))`)
  expect(differ).toEqual([])
})

test('a test can replace a name, touched or not', () => {
  const replaced = run(`
    const keelson = require('keelson')
    const real = keelson.ms
    keelson.ms = 'first'
    keelson.retry = 'second'
    const names = [keelson.ms, keelson.retry, Object.keys(keelson).filter((name) => /^(?:ms|retry)$/.test(name)).length]
    Object.defineProperty(keelson, 'ms', { value: real })
    console.log(JSON.stringify([...names, keelson.ms === require('keelson/clock').ms]))`)
  expect(replaced).toEqual(['first', 'second', 2, true])
})

test('an entry loads the class of journals on disk when a program takes it', () => {
  const [before, isClass, after] = run(`
    const journal = require('keelson/journal')
    const before = chunks()
    console.log(JSON.stringify([before, typeof journal.DurableJournal, chunks()]))`) as unknown[]
  expect(before).toEqual(['chunk-journal.js', 'chunk-base.js'])
  expect(isClass).toBe('function')
  expect(after).toEqual(['chunk-journal.js', 'chunk-base.js', 'chunk-durable.js'])
})

test('the build refuses an entry with a line that it does not know', () => {
  const unknown: string[] = []
  const code = 'const require_atom = require("./chunk-atom.js");\nconst x = 1;'
  loadLate(
    code,
    () => true,
    (line: string) => unknown.push(line),
  )
  expect(unknown).toEqual(['const x = 1;'])
})
