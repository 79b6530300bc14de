/** The tests of `__test__` that a runtime does not pass, each for a reason of the runtime. `runtimes.test.ts` checks it. */
export interface LeftOut {
  /** The path below `__test__`. */
  readonly file: string
  /** The title of the test, with those of its groups. */
  readonly title: string
  readonly reason: string
  /** True for a test that fails by chance: it may pass, and stays on the list. */
  readonly isByChance?: true
  /** True for a test that would wait for what never comes: it is not run. */
  readonly waits?: true
}

/** Tests of the event loop, which keelson watches by libuv. Neither Bun nor Deno has it. */
const ofTheLoop: readonly LeftOut[] = [
  {
    file: 'otp/observer/observer.test.ts',
    title: 'Observer measures memory and the event loop',
    reason: 'it has no libuv, and `performance.eventLoopUtilization()` is always 0',
  },
  {
    file: 'otp/observer/pitfalls.test.ts',
    title: '17 stall of 150 ms each second is counted',
    reason: 'it has no libuv, by which keelson watches the event loop',
    waits: true,
  },
  {
    file: 'otp/observer/tables.test.ts',
    title: 'each field of a table of the event loop',
    reason: 'it has no libuv, by which keelson watches the event loop',
    waits: true,
  },
]

export const leftOut: Readonly<Record<string, readonly LeftOut[]>> = {
  bun: [
    ...ofTheLoop,
    {
      file: 'clock/stall-watch.test.ts',
      title: 'a limit of work that goes on is told nothing of, and neither is a plain timer',
      reason:
        '`process.getActiveResourcesInfo()` is always empty in Bun (oven-sh/bun#24538): timers of the host are not seen',
    },
    {
      file: 'otp/registry/registry.test.ts',
      title: 'leaves nothing on a process that outlives it',
      reason: 'JavaScriptCore has no flag `--expose-gc`, by which the test collects garbage',
    },
  ],
  deno: [
    ...ofTheLoop,
    {
      file: 'atom/shared/threads.test.ts',
      title: '60 workers that watch and commit, terminated at random moments, leave nothing behind',
      reason: 'Deno ends a busy worker without the cleanup hooks of its addons (`napi_add_env_cleanup_hook`)',
      // An idle worker is ended with them, and which of the 60 are idle is a matter of chance.
      isByChance: true,
    },
    {
      file: 'journal/durable/exit.test.ts',
      title: 'loses nothing that was accepted when a worker is terminated',
      reason: 'Deno ends a busy worker without the cleanup hook that writes what the journal had accepted',
    },
    {
      file: 'journal/durable/damage-and-bad-input.test.ts',
      title: 'what the operating system refuses closes the journal, and what was acknowledged is there',
      reason: 'Deno does not ignore `SIGXFSZ`, as Node does: it ends where a file may not grow',
    },
  ],
}
