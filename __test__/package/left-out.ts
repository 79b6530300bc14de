/** The tests of `__test__` that a runtime does not pass, each for a reason of the runtime. `runtimes.test.ts` checks it. */
export interface LeftOut {
  /** The path below `__test__`. */
  readonly file: string
  /** The title of the test, with those of its groups. */
  readonly title: string
  readonly reason: string
  /** True for a test that fails by chance: it may pass, and stays on the list. */
  readonly isByChance?: true
}

export const leftOut: Readonly<Record<string, readonly LeftOut[]>> = {
  bun: [
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
