/** Runs `use` with a function that returns how many AbortControllers were created meanwhile. */
export async function countingControllers(use: (made: () => number) => Promise<void>): Promise<void> {
  const { AbortController: Real } = globalThis
  let made = 0
  globalThis.AbortController = class extends Real {
    constructor() {
      super()
      made++
    }
  }
  try {
    await use(() => made)
  } finally {
    globalThis.AbortController = Real
  }
}
