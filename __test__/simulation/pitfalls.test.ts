/** What simulators get wrong: the list is in `docs/design/simulation.md`. */
import { execFileSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isPropertyError } from 'keelson'
import { createAtom } from 'keelson/atom'
import { createJournal } from 'keelson/journal'
import { GenServer, type GenServerRef } from 'keelson/otp'
import { explore, simulate, type Simulation, type SimulationOptions, type SimulationProgram } from 'keelson/simulation'
import { expect, it } from 'vitest'

import { rejection } from '../support/rejection.ts'
import { root } from '../support/root.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { startServer } from './races/tools.ts'

const quiet = (options: SimulationOptions = {}): SimulationOptions => ({
  folder: tempDirectory(),
  print: () => undefined,
  seed: 1,
  ...options,
})

/** Runs a program, which must not fail. Returns what it says in each run. */
async function saidBy(
  program: (sim: Simulation, say: (word: string) => void) => void | Promise<void>,
  options: SimulationOptions = {},
): Promise<Set<string>> {
  const said = new Set<string>()
  const { failure } = await explore(
    async (sim) => {
      const words: string[] = []
      await program(sim, (word) => words.push(word))
      said.add(words.join(' '))
    },
    quiet({ runs: 60, ...options }),
  )
  expect(failure?.report).toBeUndefined()
  return said
}

it('one seed gives one digest in vitest and in Node alone', async () => {
  const path = join(root, '__test__', 'compat', 'one-seed.cjs')
  const { digestOf } = createRequire(import.meta.url)(path) as { digestOf(seed: number): Promise<string> }
  const code = `require(${JSON.stringify(path)}).digestOf(5).then((digest) => process.stdout.write(digest))`
  expect(await digestOf(5)).toBe(execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' }))
})

it('two nodes of one seed draw different numbers', async () => {
  const said = await saidBy((sim, say) => {
    for (const name of ['a', 'b']) say([1, 2, 3].map(() => sim.system(name).random.int(1000)).join('-'))
  })
  for (const words of said) expect(new Set(words.split(' ')).size).toBe(2)
})

it('links and monitors are told in the order in which they were made', async () => {
  const said = await saidBy(async (sim, say) => {
    const system = sim.system('a')
    const subject = await startServer(
      system,
      () => ({}),
      () => true,
    )
    const watchers: GenServerRef[] = []
    for (const name of ['first', 'second', 'third']) {
      const watcher = (await GenServer.start(
        {
          init: () => 0,
          handleInfo: ({ type }: { type: string }, state: number) => {
            if (type === 'DOWN') say(name)
            return state
          },
        } as never,
        { system },
      )) as unknown as GenServerRef
      watchers.push(watcher)
    }
    for (const watcher of watchers) await GenServer.monitor(watcher as never, subject as never)
    const one = watchers[0] as GenServerRef
    // A process that watches twice is told twice, in order, before or after the others.
    await GenServer.monitor(one as never, subject as never)
    sim.crash(subject)
    await sim.settle()
  })
  expect(said.size).toBeGreaterThan(1)
  for (const words of said) expect(words.split(' ').toSorted()).toEqual(['first', 'first', 'second', 'third'])
  // In the order of production, those of one instant come as they were made.
  const fifo = await saidBy(async (sim, say) => {
    const system = sim.system('a')
    const subject = await startServer(
      system,
      () => ({}),
      () => true,
    )
    const watcher = await GenServer.start(
      {
        init: () => 0,
        handleInfo: (info: { type: string; monitorId?: string }, state: number) => {
          if (info.type === 'DOWN') say(String(info.monitorId).replace(/^\w+_/, ''))
          return state
        },
      } as never,
      { system },
    )
    for (let turn = 0; turn < 3; turn++) await GenServer.monitor(watcher as never, subject as never)
    sim.crash(subject)
    await sim.settle()
  })
  for (const words of fifo) {
    const numbers = words.split(' ').map(Number)
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    expect(numbers.length).toBe(3)
  }
})

it('watchers of an atom and readers of a journal see the order of the writes', async () => {
  const said = await saidBy(async (sim, say) => {
    const system = sim.system('a')
    const atom = createAtom(0, { system })
    const journal = createJournal<string>({ system })
    let seen = ''
    journal.subscribe(({ data }) => (seen += data))
    atom.watch(({ to }) => say(String(to)))
    const writers = await Promise.all(
      ['x', 'y'].map((name) =>
        startServer(
          sim.system(name),
          () => ({}),
          () => {
            atom.swap((value) => value + 1)
            journal.append(name)
          },
        ),
      ),
    )
    for (const writer of writers)
      for (let cast = 0; cast < 2; cast++) GenServer.cast(writer as never, { type: 'go' } as never)
    await sim.settle()
    const entries = [...journal.entries()].map(({ data }) => data).join('')
    expect(seen).toBe(entries)
    say(entries)
  })
  expect(said.size).toBeGreaterThan(1)
  for (const words of said) expect(words).toMatch(/^1 2 3 4 [xy]{4}$/)
})

it('a loop of messages that never comes to rest is named', async () => {
  const loops: SimulationProgram = async (sim) => {
    const refs: GenServerRef[] = []
    for (const name of ['ping', 'pong']) {
      const behavior = {
        init: () => 0,
        handleCast: (_: unknown, state: number) => {
          GenServer.cast(refs[name === 'ping' ? 1 : 0] as never, 'again' as never)
          return state
        },
      }
      refs.push(
        (await GenServer.start(behavior as never, { system: sim.system('a'), name })) as unknown as GenServerRef,
      )
    }
    GenServer.cast(refs[0] as never, 'go' as never)
    await sim.clock.sleep(1)
  }
  const { failure } = await explore(loops, quiet({ runs: 1, steps: 5000 }))
  expect(failure?.error).toMatchObject({
    code: 'KEELSON_SIMULATION_STUCK',
    kind: 'endless',
    message: expect.stringMatching(/5000 steps[^]* of (?:ping|pong) in its mailbox/),
  })
})

it('a file replays in another folder, and in a process that was started elsewhere', async () => {
  const program = `async (sim) => {
    const seen = []
    for (const name of ['a', 'b']) sim.system(name).clock.schedule(5, () => seen.push(name))
    await sim.clock.sleep(9)
    if (seen[0] === 'b') throw new Error('b came first')
  }`
  // oxlint-disable-next-line no-new-func -- two processes run the text
  const own = new Function(`return ${program}`)() as SimulationProgram
  const { failure } = await explore(own, quiet({ runs: 100 }))
  const home = tempDirectory()
  copyFileSync(failure?.file as string, join(home, 'kept.json'))
  const entry = pathToFileURL(join(root, 'dist', 'simulation', 'index.mjs')).href
  const code = `
    const { replay } = await import(${JSON.stringify(entry)})
    const { failure } = await replay('kept.json', ${program})
    process.stdout.write(JSON.stringify([failure.error.message, failure.choices]))
  `
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: home, encoding: 'utf8' })
  expect(JSON.parse(text)).toEqual(['b came first', failure?.choices])
})

it('a property that never holds sometimes fails the test', async () => {
  const test = simulate(quiet({ runs: 20 }), (sim) => {
    sim.sometimes('a fault came', sim.choose(2, 'coin') === 2)
  })
  const error = await rejection(test())
  expect(isPropertyError(error)).toBe(true)
  expect(error).toMatchObject({ kind: 'sometimes', property: 'a fault came' })
})
