/**
 * Returns how many random programs a model runs: all of them, or the part of them that `EXAMPLE_SHARE` says, a number
 * above 0 and up to 1. `npm test` runs all in vitest, and a tenth once more in jest.
 */
export function programs(all: number): number {
  const share = Number(process.env['EXAMPLE_SHARE'] ?? 1)
  return Math.ceil(all * share)
}
