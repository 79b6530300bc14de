// What it costs to look at what runs.
import { cases as observer } from './observe/observer.mjs'
import { cases as server } from './observe/server.mjs'

export default { name: 'observe', cases: [...observer, ...server] }
