import { workerData } from 'node:worker_threads'
import { openJournal } from 'keelson/journal'

const { path, who, count } = workerData
const journal = await openJournal(path)
await Promise.all(Array.from({ length: count }, (_, index) => journal.append({ who, index })))
await journal.close()
