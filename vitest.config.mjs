import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['__test__/**/*.test.{ts,mts,mjs}'],
    exclude: ['**/node_modules/**', '__test__/compat/jest/**'],
    // A process a file: the addon's state and its realm are those of a real program.
    pool: 'forks',
    // Tests exercise the built package, through its own name, as a user's program does.
    server: { deps: { external: [/\/dist\//, /\/native\//] } },
    // These end what hangs. They judge no speed: on a busy machine everything takes several times as long.
    // `npm run test:long` runs as many programs as it takes.
    testTimeout: process.env.KEELSON_PROGRAMS === undefined ? 120_000 : 0,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
  },
})
