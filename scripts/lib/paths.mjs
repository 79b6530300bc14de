// Where things are. Every script starts from here, so the current directory does not matter.
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** An absolute path inside the repository. */
export const at = (...parts) => join(root, ...parts)

/** The path a message shows: relative to the repository, with forward slashes. */
export const shown = (path) => relative(root, path).split(sep).join('/')
