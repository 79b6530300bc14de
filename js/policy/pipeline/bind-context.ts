const nothing = (): void => undefined

/**
 * Returns a function that runs `run` once, in the asynchronous context of the caller of `bindContext`. It runs as a
 * promise's reaction, so never on the stack of whoever calls the returned function.
 */
export function bindContext(run: () => void): () => void {
  let wake = nothing
  void new Promise<void>((resolve) => {
    wake = resolve
  }).then(run)
  return wake
}
