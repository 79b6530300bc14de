// The terminal dashboard, `keelson top`, on a pseudo-terminal beside the service that it shows.
import { fileURLToPath } from 'node:url'

const program = (name) => ({ file: fileURLToPath(new URL(`./dashboard/${name}.mjs`, import.meta.url)), args: [], name })

export default {
  name: 'dashboard',
  cases: [
    {
      name: 'keelson top: from the start of Node to the first paint of 1000 processes',
      unit: 'ms',
      rounds: 7,
      paired: { ours: program('first-paint') },
      bar: { value: 300 },
    },
    {
      name: 'keelson top: processor at 10 frames a second over 100 000 processes',
      unit: '% of a core',
      rounds: 3,
      paired: { ours: program('ten-frames') },
      bar: { value: 5 },
    },
  ],
}
