import { availableParallelism } from 'node:os'

import { defineConfig } from 'vitest/config'

import { HANG_GUARD_MS } from './__test__/support/hang-guard.ts'

export default defineConfig({
  test: {
    include: ['__test__/**/*.test.{ts,mts,mjs}'],
    exclude: ['**/node_modules/**', '__test__/compat/jest/**'],
    // A process a file: the addon's state and its realm are those of a real program.
    pool: 'forks',
    // One fewer by default, for a terminal that watches. Nothing watches here.
    maxWorkers: availableParallelism(),
    // Tests exercise the built package, through its own name, as a user's program does.
    server: { deps: { external: [/\/dist\//, /\/native\//] } },
    // These end what hangs. They judge no speed: on a busy machine everything takes several times as long.
    // `npm run test:long` runs as many programs as it takes.
    testTimeout: process.env.KEELSON_PROGRAMS === undefined ? HANG_GUARD_MS : 0,
    hookTimeout: HANG_GUARD_MS,
    expect: { poll: { timeout: HANG_GUARD_MS } },
  },
})
