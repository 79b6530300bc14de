// What it costs to look at what runs.
import { cases as server } from './observe/server.mjs'

export default { name: 'observe', cases: server }
