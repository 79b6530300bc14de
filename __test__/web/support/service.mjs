// A service with a page: it prints the URL, and does what the lines of its input say.
import { createInterface } from 'node:readline'

import { createSystem } from 'keelson'
import { Atrion } from 'keelson/atrion'
import { createJournal } from 'keelson/journal'
import { observe } from 'keelson/observe'
import { GenServer, Registry, Supervisor } from 'keelson/otp'

const system = createSystem({ name: 'shop', crashReports: false, onError: () => {} })
const counter = {
  init: () => 0,
  handleCast: (message, count) => {
    if (message.type === 'crash') throw new RangeError('the counter broke')
    for (const end = Date.now() + (message.ms ?? 0); Date.now() < end;);
    return count + 1
  },
}
const start = (name) => ({ id: name, start: () => GenServer.start(counter, { system, name }) })
await Supervisor.start({ system, name: 'top', children: ['counter', '<img src=x onerror=alert(1)>'].map(start) })

const journal = createJournal({ system })
for (let entry = 1; entry <= 120; entry++) journal.append({ entry })
const atrion = new Atrion({ system })
await atrion.run('db', async () => {})

const { address, token } = await observe(system, { http: true, allowActions: true, state: {} })
const cast = (message) => GenServer.cast(Registry.lookup('counter', system), message)
const commands = {
  add: (count) => Array.from({ length: count }, () => cast({ type: 'add' })),
  crash: () => cast({ type: 'crash' }),
  block: (ms) => cast({ type: 'block', ms }),
}
createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, value] = line.split(' ')
  commands[command](Number(value))
})
process.stdin.on('end', () => process.exit())
console.log(`${address.http}?token=${token}`)
