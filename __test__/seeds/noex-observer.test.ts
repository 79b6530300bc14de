/** The example of the Observer in the README of noex, as it stands there, in a program of its own. */
import { expect } from 'vitest'

import { runToEnd } from '../support/own-process.ts'
import { blockOf, itWithDocuments } from './program.ts'

itWithDocuments('the example of the Observer runs, and its polling holds no program', () => {
  const program = blockOf('noex-readme', 'Observer.getSnapshot()').replace("import { Observer } from 'noex';", '')
  const { held, status, stderr, stdout } = runToEnd(`
    const { GenServer, Observer, Supervisor } = require('keelson/otp')
    const counter = { init: () => 0, handleCall: (m, n) => [n, n], handleCast: (m, n) => n + 1 }
    async function main() {
      const supervisor = await Supervisor.start({ children: [{ id: 'counter', start: () => GenServer.start(counter) }] })
      const { ref } = Supervisor.getChild(supervisor, 'counter')
      GenServer.cast(ref, 'inc')
      await GenServer.call(ref, 'get')
      GenServer.cast(ref, 'inc')
      ${program}
      await Supervisor.stop(supervisor)
      console.log(tree.length, tree[0].children.length)
      over()
    }
    main()
  `)
  expect([status, stderr, held]).toEqual([0, '', []])
  expect(stdout.split('\n').filter((line) => !/^ |^[{}]/.test(line))).toEqual([
    'Total processes: 2',
    'Total messages processed: 2',
    expect.stringMatching(/^genserver_1_\w+: 2 messages, queue: 1$/),
    'Stats updated',
    expect.stringMatching(/^Event: server_stopped /),
    expect.stringMatching(/^Event: supervisor_stopped /),
    '1 1',
    '',
  ])
})
