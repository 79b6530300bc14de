/** The three functions: what they run, report, write and refuse. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  isClosedError,
  isInvalidArgumentError,
  isNondeterminismError,
  isPropertyError,
  isReplayDivergedError,
  isReplayFileError,
  isSimulationStuckError,
} from 'keelson'
import { GenServer } from 'keelson/otp'
import {
  explore,
  replay,
  simulate,
  type Simulation,
  type SimulationOptions,
  type SimulationResult,
} from 'keelson/simulation'
import { afterEach, describe, expect, it, vi } from 'vitest'

import { rejection, thrown } from '../support/rejection.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { lostUpdate } from './races/shared-state.ts'
import { ask, startServer } from './races/tools.ts'

const quiet = (options: SimulationOptions = {}): SimulationOptions => ({
  folder: tempDirectory(),
  print: () => undefined,
  seed: 1,
  ...options,
})

/** The message of the error of a result. */
const messageOf = ({ failure }: { readonly failure?: SimulationResult['failure'] | undefined }): unknown =>
  (failure?.error as Error | undefined)?.message

const racy = lostUpdate.program(false)

afterEach(() => vi.unstubAllEnvs())

describe('explore', () => {
  it('finds a race, shrinks it, and writes a file that replays it', async () => {
    const reports: string[] = []
    const options = quiet({ runs: 1000, seed: 1, print: (report) => reports.push(report) })
    const { runs, failure } = await explore(racy, options)
    expect(runs).toBeLessThan(1000)
    expect(failure).toMatchObject({
      seed: 1,
      run: runs - 1,
      error: { message: expect.stringContaining('the balance is') },
    })
    const deviations = failure?.choices.filter(({ value }) => value !== 0) ?? []
    expect(deviations.length).toBeGreaterThan(0)
    expect(deviations.length).toBeLessThanOrEqual(10)
    expect(reports).toEqual([failure?.report])
    for (const part of ['the balance is', 'seed 1', 'KEELSON_SEED=1', failure?.file, 'call', 'bank'])
      expect(failure?.report).toContain(part)
    const again = await replay(failure?.file as string, racy)
    expect(again.runs).toBe(1)
    expect(again.failure).toMatchObject({ seed: 1, choices: failure?.choices, events: failure?.events })
    expect(messageOf(again)).toBe(messageOf({ failure }))
  })

  it('has events in lines of equal columns', async () => {
    const { failure } = await explore(racy, quiet({ runs: 1000, seed: 1 }))
    const lines = failure?.report.split('\n').filter((line) => /^ +\d+ ms {2}\w/.test(line)) ?? []
    expect(lines.length).toBe(failure?.events.length)
    const starts = lines.map((line) => line.search(/ call | cast /))
    expect(new Set(starts).size).toBe(1)
  })

  it('ends with a list in which each choice that is not 0 is needed', async () => {
    const { failure } = await explore(racy, quiet({ runs: 1000, seed: 3 }))
    const file = failure?.file as string
    const recorded = JSON.parse(readFileSync(file, 'utf8')) as { choices: [number, number, number, number][] }
    const places = recorded.choices.flatMap(([, , value], place) => (value === 0 ? [] : [place]))
    expect(places.length).toBeGreaterThan(0)
    for (const place of places) {
      const choices = recorded.choices.map((choice, index) =>
        index === place ? [choice[0], choice[1], 0, choice[3]] : choice,
      )
      const path = join(tempDirectory(), 'one-less.json')
      writeFileSync(path, JSON.stringify({ ...recorded, choices }))
      // It passes, or asks other questions than the failing run.
      const result = await replay(path, racy).catch((error: unknown) => error)
      if (!isReplayDivergedError(result)) expect(result).not.toHaveProperty('failure')
    }
  })

  it.each(['random', 'pct', 'dfs', 'fifo'] as const)(
    'gives one digest for one seed, with the schedule %s',
    async (schedule) => {
      const options = { runs: 20, seed: 5, schedule }
      const program = lostUpdate.program(true)
      const [first, second] = [await explore(program, quiet(options)), await explore(program, quiet(options))]
      expect(first).not.toHaveProperty('failure')
      expect(first).toEqual(second)
      if (schedule !== 'random' && schedule !== 'pct') return
      expect((await explore(program, quiet({ ...options, seed: 6 }))).digest).not.toBe(first.digest)
    },
  )

  it('runs once for each order with dfs, and then ends', async () => {
    const seen = new Set<string>()
    const { runs } = await explore(
      async (sim) => {
        seen.add(`${sim.choose(2, 'first')}${sim.choose(3, 'second')}`)
      },
      quiet({ runs: 100, schedule: 'dfs', checkEvery: 0 }),
    )
    expect([...seen].toSorted()).toEqual(['00', '01', '02', '10', '11', '12'])
    expect(runs).toBe(6)
  })

  it('does as production does with fifo', async () => {
    const { failure } = await explore(racy, quiet({ runs: 5, schedule: 'fifo' }))
    expect(failure).toBeUndefined()
  })

  it('fails when a property that must hold sometimes never does', async () => {
    const program = (sim: Simulation): void => sim.sometimes('the moon is full', sim.choose(2, 'moon') === 2)
    const { runs, failure } = await explore(program, quiet({ runs: 7 }))
    expect(runs).toBe(7)
    expect(isPropertyError(failure?.error)).toBe(true)
    expect(failure?.error).toMatchObject({ kind: 'sometimes', property: 'the moon is full' })
    const met = await explore((sim) => sim.sometimes('heads', sim.choose(2, 'coin') === 0), quiet({ runs: 50 }))
    expect(met).not.toHaveProperty('failure')
  })

  it('fails when a run does something else each time, and names the first step', async () => {
    let run = 0
    const program = (sim: Simulation): void => {
      sim.choose(3, 'the same')
      sim.choose(3, `run ${++run}`)
    }
    const { failure } = await explore(program, quiet({ runs: 5, seed: 1 }))
    expect(isNondeterminismError(failure?.error)).toBe(true)
    expect(failure?.error).toMatchObject({
      step: 1,
      before: expect.stringMatching(/run 1.*explore\.test\.ts/),
      now: expect.stringMatching(/run 2.*explore\.test\.ts/),
    })
  })

  it('keeps the streams of chance of the nodes apart', async () => {
    const draws = async (extra: boolean): Promise<number[]> => {
      const seen: number[] = []
      await explore(
        (sim) => {
          const [a, b] = [sim.system('a'), sim.system('b')]
          if (extra) a.random.next()
          seen.push(b.random.next(), a.random.next())
        },
        quiet({ runs: 1, seed: 1, checkEvery: 0 }),
      )
      return seen
    }
    const [plain, extra] = [await draws(false), await draws(true)]
    expect(plain[0]).toBe(extra[0])
    expect(plain[1]).not.toBe(extra[1])
    expect(plain[0]).not.toBe(plain[1])
  })

  it('follows KEELSON_SEED, KEELSON_RUNS and KEELSON_REPLAY', async () => {
    vi.stubEnv('KEELSON_SEED', '77')
    vi.stubEnv('KEELSON_RUNS', '3')
    let runs = 0
    const counted = await explore(() => void runs++, quiet({ seed: 1, runs: 9, checkEvery: 0 }))
    expect([counted.runs, runs]).toEqual([3, 3])
    vi.stubEnv('KEELSON_RUNS', '1000')
    const { failure } = await explore(racy, quiet())
    expect(failure?.seed).toBe(77)
    vi.stubEnv('KEELSON_REPLAY', failure?.file)
    const again = await explore(racy, quiet({ runs: 50 }))
    expect(again).toMatchObject({ runs: 1, failure: { choices: failure?.choices } })
    for (const [name, bad] of [
      ['KEELSON_SEED', 'x'],
      ['KEELSON_RUNS', '0'],
    ] as const) {
      vi.unstubAllEnvs()
      vi.stubEnv(name, bad)
      expect(await rejection(explore(racy, quiet()))).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field: name })
    }
  })

  it('runs explorations one after the other', async () => {
    let inside = 0
    const program = async (sim: Simulation): Promise<void> => {
      expect(++inside).toBe(1)
      await sim.clock.sleep(1)
      inside--
    }
    const results = await Promise.all([1, 2, 3].map((seed) => explore(program, quiet({ seed, runs: 4 }))))
    for (const result of results) expect(result).not.toHaveProperty('failure')
  })
})

describe('replay', () => {
  const fails = (sim: Simulation): void => {
    if (sim.choose(4, 'what') > 1) throw new Error('it fails')
  }

  it('says at which choice a program has changed', async () => {
    const { failure } = await explore(fails, quiet({ runs: 100 }))
    const other = (sim: Simulation): void => void sim.choose(4, 'something else')
    const error = await rejection(replay(failure?.file as string, other))
    expect(isReplayDivergedError(error)).toBe(true)
    expect(error).toMatchObject({ choice: 0, message: expect.stringContaining('diverged at choice 0') })
    expect(await rejection(replay(failure?.file as string, () => undefined))).toMatchObject({
      code: 'KEELSON_REPLAY_DIVERGED',
    })
    expect(
      await rejection(replay(failure?.file as string, (sim) => void [fails, other].map((f) => thrown(() => f(sim))))),
    ).toMatchObject({ choice: 1 })
  })

  it('resolves without a failure when the program is mended', async () => {
    const { failure } = await explore(fails, quiet({ runs: 100 }))
    expect(await replay(failure?.file as string, (sim) => void sim.choose(4, 'what'))).not.toHaveProperty('failure')
  })

  it('refuses a file of another version, what is no file, and what is no recording', async () => {
    const { failure } = await explore(fails, quiet({ runs: 100 }))
    const text = readFileSync(failure?.file as string, 'utf8')
    const folder = tempDirectory()
    const write = (name: string, content: string): string => {
      writeFileSync(join(folder, name), content)
      return join(folder, name)
    }
    const files = [
      [write('later.json', text.replace('"version":1', '"version":9')), 'version 9'],
      [write('text.json', 'hello'), 'no recording'],
      [write('other.json', '{"format":"else","version":1}'), 'no recording'],
      [join(folder, 'missing.json'), 'cannot be read'],
    ] as const
    for (const [path, why] of files) {
      const error = await rejection(replay(path, fails))
      expect(isReplayFileError(error)).toBe(true)
      expect(error).toMatchObject({ path, message: expect.stringContaining(why) })
    }
  })
})

describe('simulate', () => {
  it('returns a test that passes, or rejects with the report', async () => {
    await simulate(quiet({ runs: 3 }), lostUpdate.program(true))()
    const error = (await rejection(simulate(quiet({ runs: 1000, seed: 1 }), racy)())) as Error
    expect(error.message).toMatch(/the balance is[^]*KEELSON_SEED=1[^]*file [^]*events:/)
    expect(error.stack).toContain('KEELSON_SEED=1')
  })

  it('writes files only for failures', async () => {
    const folder = join(tempDirectory(), 'none')
    await simulate({ runs: 2, folder }, () => undefined)()
    expect(existsSync(folder)).toBe(false)
  })

  it.each([
    ['runs', 0],
    ['seed', -1],
    ['schedule', 'other'],
    ['depth', 4],
    ['bound', 0],
    ['faults', { crash: 2 }],
    ['faults', { crahs: 0.1 }],
    ['timers', 'real'],
    ['steps', 0],
    ['checkEvery', -1],
    ['shrinkRuns', NaN],
    ['folder', ''],
    ['print', 1],
    ['rnus', 1],
  ])('refuses the option %s of %j at once', async (name, value) => {
    const options = { [name]: value } as SimulationOptions
    const error = thrown(() => simulate(options, () => undefined))
    expect(isInvalidArgumentError(error)).toBe(true)
    expect((error as { field: string }).field).toContain(name)
    expect(await rejection(explore(() => undefined, options))).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT' })
  })

  it('refuses what is no program', async () => {
    for (const bad of [undefined, 1, {}]) {
      expect(isInvalidArgumentError(await rejection(explore(bad as never)))).toBe(true)
      expect(isInvalidArgumentError(thrown(() => simulate({}, bad as never)))).toBe(true)
      expect(isInvalidArgumentError(await rejection(replay('file', bad as never)))).toBe(true)
    }
    expect(isInvalidArgumentError(await rejection(replay('', () => undefined)))).toBe(true)
  })
})

describe('a program that', () => {
  const failureOf = async (
    program: (sim: Simulation) => void | Promise<void>,
    options?: SimulationOptions,
  ): Promise<unknown> => (await explore(program, quiet({ runs: 1, ...options }))).failure?.error

  it('waits for something that never comes is stalled', async () => {
    const error = await failureOf(async (sim) => {
      const system = sim.system('a')
      const stuck = await startServer(
        system,
        () => ({}),
        () => new Promise(() => undefined),
      )
      await ask(stuck, { type: 'wait' }, Infinity)
    })
    expect(isSimulationStuckError(error)).toBe(true)
    expect(error).toMatchObject({
      kind: 'stalled',
      waits: [
        expect.stringMatching(/^a: somebody waits for genserver_1\S* to answer \{ type: 'wait' \}$/),
        expect.stringMatching(/^a: a handler of genserver_1\S* has not ended$/),
      ],
    })
  })

  it('never ends is endless', async () => {
    const forever = async (sim: Simulation): Promise<void> => {
      for (;;) await sim.clock.sleep(1)
    }
    expect(await failureOf(forever, { steps: 100 })).toMatchObject({
      kind: 'endless',
      message: expect.stringContaining('100 steps'),
    })
  })

  it('loops at one instant is endless', async () => {
    const loops = async (sim: Simulation): Promise<void> => {
      const again = (): void => void sim.clock.schedule(0, again)
      again()
      await sim.clock.sleep(1)
    }
    expect(await failureOf(loops)).toMatchObject({ kind: 'endless', message: expect.stringContaining('one instant') })
  })

  it('leaves work behind is told so', async () => {
    const leaves = (sim: Simulation): void => void sim.clock.sleep(10)
    expect(await failureOf(leaves)).toMatchObject({ kind: 'work-left', waits: [expect.stringContaining('sleep')] })
  })

  it('keeps its world after the run is refused', async () => {
    let kept: Simulation | undefined
    await explore(
      (sim) => {
        kept = sim
      },
      quiet({ runs: 1 }),
    )
    const uses: ((sim: Simulation) => unknown)[] = [
      (sim) => sim.system('a'),
      (sim) => sim.choose(2, 'late'),
      (sim) => sim.invariant('late', () => true),
      (sim) => sim.sometimes('late', true),
    ]
    for (const use of uses) expect(isClosedError(thrown(() => use(kept as Simulation)))).toBe(true)
  })

  it('gives bad arguments is told which', async () => {
    const uses: readonly (readonly [string, (sim: Simulation) => unknown])[] = [
      ['n', (sim) => sim.choose(0, 'x')],
      ['n', (sim) => sim.choose(1.5, 'x')],
      ['label', (sim) => sim.choose(2, '')],
      ['name', (sim) => sim.system('')],
      ['name', (sim) => sim.invariant('', () => true)],
      ['holds', (sim) => sim.invariant('x', 1 as never)],
      ['holds', (sim) => sim.sometimes('x', 1 as never)],
      ['target', (sim) => sim.crash({} as never)],
      ['system', (sim) => sim.pause({} as never, 1)],
      ['ms', (sim) => sim.pause(sim.system('a'), -1)],
      ['ms', (sim) => sim.clock.jumpWall(NaN)],
      ['system', (sim) => sim.clock.jumpWall(1, {} as never)],
      ['promise', (sim) => sim.external(1 as never)],
    ]
    const found: unknown[] = []
    const error = await failureOf((sim) => {
      for (const [, use] of uses) found.push(thrown(() => use(sim)))
    })
    expect(error).toBeUndefined()
    expect(found.slice(0, uses.length).map((each) => (each as { field?: string }).field)).toEqual(
      uses.map(([field]) => field),
    )
    const taken = await failureOf((sim) => {
      sim.invariant('once', () => true)
      sim.invariant('once', () => true)
    })
    expect(isInvalidArgumentError(taken)).toBe(true)
  })

  it('breaks an invariant fails with its name, also when that throws', async () => {
    const broken = await failureOf(async (sim) => {
      let total = 100
      sim.invariant('no money is made', () => total === 100)
      await sim.clock.sleep(5)
      total++
      await sim.clock.sleep(5)
    })
    expect(broken).toMatchObject({ kind: 'invariant', property: 'no money is made', atMs: 5 })
    const threw = await failureOf((sim) => {
      sim.invariant('throws', () => {
        throw new Error('inside')
      })
    })
    expect(threw).toMatchObject({ property: 'throws', cause: { message: 'inside' } })
    expect(isInvalidArgumentError(await failureOf((sim) => sim.invariant('late', (async () => true) as never)))).toBe(
      true,
    )
  })

  it('has an error without an owner, or a rejection that nobody handles, fails in its node', async () => {
    const crashes = await explore(
      async (sim) => {
        const behavior = {
          init: () => 0,
          handleCast: (): number => {
            throw new Error('of the handler')
          },
        }
        GenServer.cast(await GenServer.start(behavior, { system: sim.system('a') }), 'go' as never)
        await sim.clock.sleep(1)
      },
      quiet({ runs: 1 }),
    )
    expect(crashes.failure?.error).toMatchObject({ message: 'of the handler' })
    expect(crashes.failure?.report).toContain('in node a')
    const rejects = await explore(
      async (sim) => {
        const server = await startServer(
          sim.system('b'),
          () => ({}),
          () => {
            void Promise.reject(new Error('nobody handles this'))
          },
        )
        await ask(server, { type: 'go' })
        await sim.clock.sleep(1)
      },
      quiet({ runs: 1 }),
    )
    expect(rejects.failure?.error).toMatchObject({ message: 'nobody handles this' })
    expect(rejects.failure?.report).toContain('in node b')
  })
})
