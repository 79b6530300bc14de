/**
 * Hears of each process that begins, that a supervisor adopts, or that is forgotten, while somebody observes. A listener
 * gets a `Process`. It must not throw, and must not run user code.
 */
export const processFeed: { changed: ((process: object) => void) | undefined } = { changed: undefined }
