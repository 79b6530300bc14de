/** The watch of the event loop: stalls on stderr while they last, on the diagnostics channel when they have ended. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'

import { root } from '../support/root.ts'
import { runToEnd } from '../support/own-process.ts'

const prelude = `
  const { GenServer } = require('./dist/otp');
  const { subscribe } = require('node:diagnostics_channel');
  const block = (ms) => { const end = performance.now() + ms; while (performance.now() < end); };
  const stalls = [];
  subscribe('keelson:stall', (stall) => stalls.push(stall));
  const busy = (name) => GenServer.start({ init: () => 0,
    handleCall: (message, state) => { block(message.ms); return [1, state]; } }, { name });
`

/** Runs a program with its stalls watched. */
function watchedProgram(body: string): ReturnType<typeof runToEnd> {
  return runToEnd(`process.env.KEELSON_OBSERVE_STALLS = '1';${prelude}(async () => {${body}})()`)
}

describe('a watched event loop', () => {
  test('a stall is told on stderr with process, message and callback, and on the channel when it has ended', () => {
    const { stdout, stderr, held } = watchedProgram(`
      const server = await busy('blocker');
      await GenServer.call(server, { type: 'rebuild', ms: 900 });
      while (stalls.length === 0) await new Promise(setImmediate);
      const [{ durationMs, process: label, ...stall }] = stalls;
      console.log(JSON.stringify({ ...stall, long: durationMs >= 900, label }));
      await GenServer.stop(server);
      over()
    `)
    expect(stderr).toMatch(
      /^keelson: the event loop of main has been blocked for \d+ ms, by blocker \(.*\) in handleCall, message 'rebuild'$/m,
    )
    const { label, ...stall } = JSON.parse(stdout) as Record<string, unknown>
    expect(stall).toEqual({ thread: 'main', messageType: 'rebuild', handler: 'handleCall', long: true })
    expect(label).toMatch(/^blocker \(/)
    expect(held).toEqual([])
  })

  test('a stall outside of processes names none', () => {
    const { stdout, stderr } = watchedProgram(`
      await GenServer.stop(await busy('other'));
      block(900);
      while (stalls.length === 0) await new Promise(setImmediate);
      console.log(stalls[0].process, stalls[0].handler);
      over()
    `)
    expect(stderr).toMatch(/has been blocked for \d+ ms$/m)
    expect(stdout).toBe('undefined undefined\n')
  })

  test('16 a stall in the callback of a file or a socket is told: the loop polls them, and does not wait', () => {
    const { stdout, stderr } = watchedProgram(`
      const server = await busy('blocker');
      const { readFile } = require('node:fs');
      const { connect, createServer } = require('node:net');
      await new Promise((resolve) => setTimeout(resolve, 300));
      await new Promise((resolve) => readFile('package.json', () => { block(700); resolve() }));
      const listener = createServer((socket) => socket.on('data', () => {
        void GenServer.call(server, { type: 'rebuild', ms: 700 }).then(() => socket.end());
      })).listen(0, '127.0.0.1', () => {
        const client = connect(listener.address().port, '127.0.0.1', () => client.write('x'));
        client.on('close', () => listener.close()).resume();
      });
      while (stalls.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
      console.log(JSON.stringify(stalls.map(({ durationMs, handler }) => [durationMs >= 700 && durationMs < 60_000, handler])));
      await GenServer.stop(server);
      over()
    `)
    expect(stderr.match(/has been blocked for \d+ ms/g)).toHaveLength(2)
    expect(JSON.parse(stdout)).toEqual([
      [true, null],
      [true, 'handleCall'],
    ])
  })

  test('without the variable nothing is watched, and no handler writes what it handles', () => {
    const { stdout, stderr } = runToEnd(`${prelude}(async () => {
      const server = await busy('blocker');
      await GenServer.call(server, { type: 'rebuild', ms: 500 });
      await new Promise((resolve) => setTimeout(resolve, 10));
      console.log(stalls.length);
      await GenServer.stop(server);
      over()
    })()`)
    expect([stdout, stderr]).toEqual(['0\n', ''])
  })

  test('16 a program that never turns its loop again is reported while it is blocked', async () => {
    const program = `${prelude}busy('for-ever').then((it) => GenServer.cast(it, 0), 0);
      busy('hung').then((it) => GenServer.call(it, { type: 'spin', ms: Infinity }).catch(() => {}))`
    const child = spawn(process.execPath, ['-e', program], {
      cwd: root,
      env: { ...process.env, KEELSON_OBSERVE_STALLS: '1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const [line] = (await once(child.stderr.setEncoding('utf8'), 'data')) as [string]
    expect(line).toMatch(/by hung \(.*\) in handleCall, message 'spin'/)
    child.kill('SIGKILL')
    await once(child, 'exit')
  })

  test('workers with a watch end at any moment: by themselves, terminated, and with the program', () => {
    const { status, stdout, stderr } = runToEnd(`
      process.env.KEELSON_OBSERVE_STALLS = '1';
      const { Worker } = require('node:worker_threads');
      const source = ${JSON.stringify(`${prelude}busy('it').then((it) => GenServer.stop(it)).then(() => {
        require('node:worker_threads').parentPort.postMessage('ready');
      });`)};
      (async () => {
        for (let round = 0; round < 6; round++) {
          const workers = [1, 2].map(() => new Worker(source, { eval: true }));
          await Promise.all(workers.map((worker, index) => new Promise((resolve) => {
            worker.once('exit', resolve);
            if (round % 3 === 0) worker.terminate();
            else worker.once('message', () => { if (round % 3 === 1 || index === 0) worker.terminate(); });
          })));
        }
        new Worker(source, { eval: true }).once('message', () => { console.log('done'); process.exit(0) });
      })()
    `)
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'done\n', stderr: '' })
  })
})
