const nothing = (): void => undefined

/**
 * A function that runs `run` once, as a promise's reaction: in the asynchronous context of now, whoever calls it, and never
 * on the caller's stack.
 */
export function fromHere(run: () => void): () => void {
  let wake = nothing
  void new Promise<void>((resolve) => {
    wake = resolve
  }).then(run)
  return wake
}
