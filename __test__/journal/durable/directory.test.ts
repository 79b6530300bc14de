import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { Worker } from 'node:worker_threads'
import { openJournal } from 'keelson/journal'
import { GenServer, Supervisor, TimerService, type TimerServiceRef } from 'keelson/otp'
import { createTestSystem } from 'keelson/testing'
import { describe, expect, it, onTestFinished } from 'vitest'

import { tempDirectory } from '../../support/temp-directory.ts'

const io = (osCode: string): object => expect.objectContaining({ code: 'KEELSON_JOURNAL_IO', osCode }) as object

describe.runIf(process.platform !== 'win32')('a directory that is taken away', () => {
  const ways: Record<string, (path: string) => void> = {
    'renamed away': (path) => renameSync(path, `${path}-away`),
    removed: (path) => rmSync(path, { recursive: true }),
    'renamed away, with another one in its place': (path) => {
      renameSync(path, `${path}-away`)
      mkdirSync(path)
    },
    'renamed away, with a copy in its place': (path) => {
      renameSync(path, `${path}-away`)
      cpSync(`${path}-away`, path, { recursive: true })
    },
    'without its lock file': (path) => unlinkSync(join(path, 'keelson.lock')),
    'with another lock file': (path) => {
      renameSync(join(path, 'keelson.lock'), join(path, 'old.lock'))
      cpSync(join(path, 'old.lock'), join(path, 'keelson.lock'))
    },
    'without the file that is written': (path) => {
      for (const name of readdirSync(path)) if (name.endsWith('.segment')) renameSync(join(path, name), `${path}/away`)
    },
  }

  for (const [way, take] of Object.entries(ways)) {
    it.each(['sync', 'flush'] as const)(`acknowledges nothing more when it was ${way} (%s)`, async (durability) => {
      const path = join(tempDirectory(), 'journal')
      const journal = await openJournal<number>(path, { durability })
      await journal.append(1)
      take(path)
      await expect(journal.append(2)).rejects.toThrow(io('ENOENT'))
      expect(journal.closed).toBe(true)
      await journal.close()
    })
  }

  it('is noticed by everything that changes it', async () => {
    for (const change of ['clear', 'compact', 'retain', 'sync', 'saveSnapshot'] as const) {
      const path = join(tempDirectory(), 'journal')
      const journal = await openJournal<number>(path)
      await journal.append(1)
      renameSync(path, `${path}-away`)
      const other = await openJournal<number>(path)
      await other.append(2)
      await other.close()
      const files = readdirSync(path)
      await expect(journal[change](undefined as never), change).rejects.toThrow(io('ENOENT'))
      expect(readdirSync(path)).toEqual(files)
      await journal.close()
    }
  })

  it('was opened by a link that leads elsewhere now: nobody who opens it would find the entry', async () => {
    const root = tempDirectory()
    const link = join(root, 'current')
    mkdirSync(join(root, 'one'))
    mkdirSync(join(root, 'two'))
    symlinkSync('one', link)
    const journal = await openJournal<number>(link)
    await journal.append(1)
    unlinkSync(link)
    symlinkSync('two', link)
    await expect(journal.append(2)).rejects.toThrow(io('ENOENT'))
    await using other = await openJournal<number>(link)
    expect((await other.append(3)).sequence).toBe(0)
    await journal.close()
  })

  it('is another one under the old path: it is opened, and is not the old one', async () => {
    const path = join(tempDirectory(), 'journal')
    const old = await openJournal<string>(path)
    await old.append('old')
    renameSync(path, `${path}-away`)
    await using fresh = await openJournal<string>(path)
    await fresh.append('new')
    expect(fresh.getAll()).toEqual(['new'])
    await expect(openJournal(`${path}-away`)).rejects.toMatchObject({ code: 'KEELSON_JOURNAL_LOCKED' })
    await old.close()
    await using again = await openJournal<string>(`${path}-away`)
    expect(again.getAll()).toEqual(['old'])
  })
})

describe('the permissions', () => {
  const bits = (path: string): number => statSync(path).mode & 0o777

  it.runIf(process.platform !== 'win32')('are the owner’s alone, unless `mode` gives others some', async () => {
    const before = process.umask(0o022)
    onTestFinished(() => void process.umask(before))
    const root = tempDirectory()
    const closed = join(root, 'a', 'closed')
    const journal = await openJournal<number>(closed, { key: () => 'k' })
    await journal.appendMany([1, 2])
    await journal.compact()
    await journal.saveSnapshot(1)
    await journal.close()
    expect(readdirSync(closed).length).toBeGreaterThan(2)
    for (const name of readdirSync(closed)) expect([name, bits(join(closed, name))]).toEqual([name, 0o600])
    expect([bits(closed), bits(join(root, 'a'))]).toEqual([0o700, 0o700])
    const open = join(root, 'open')
    await (await openJournal(open, { mode: 0o640 })).close()
    for (const name of readdirSync(open)) expect([name, bits(join(open, name))]).toEqual([name, 0o640])
    expect(bits(open)).toBe(0o750)
    // What is there keeps what it has.
    chmodSync(open, 0o755)
    await (await openJournal(open)).close()
    expect(bits(open)).toBe(0o755)
  })

  it('are refused when the owner could not use the files', async () => {
    for (const mode of [0o400, 0o1600, 0, -1, 1.5, Number.NaN, '0600', null]) {
      const path = join(tempDirectory(), 'none')
      const refused = openJournal(path, { mode: mode as number })
      await expect(refused, String(mode)).rejects.toMatchObject({ field: 'options.mode' })
      expect(existsSync(path)).toBe(false)
    }
  })
})

describe('a directory has one user at a time', () => {
  const locked = { code: 'KEELSON_JOURNAL_LOCKED' }

  it('unless users share the journal, who say when they differ what it is open with', async () => {
    const path = tempDirectory()
    await using one = await openJournal(path, { maxEntries: 1000, maxAgeMs: 5000 })
    await using two = await openJournal(relative(process.cwd(), path), { maxEntries: 1000, maxAgeMs: 5000 })
    await two.append(1)
    expect(one.size()).toBe(1)
    const differs = (options: object): Promise<unknown> =>
      openJournal(path, options).catch((error: Error) => error.message)
    expect(await differs({ maxEntries: 500, maxAgeMs: 5000 })).toMatch(/options\.maxEntries must be 1000.*got 500/)
    expect(await differs({ maxEntries: 1000 })).toMatch(/options\.maxAgeMs must be 5000.*got undefined/)
    const other = { maxEntries: 1000, maxAgeMs: 5000, overflow: 'bounded:error' }
    expect(await differs(other)).toMatch(/options\.overflow must be 'bounded:drop_oldest'.*bounded:error/)
    expect(await differs({ maxEntries: 1000, maxAgeMs: 5000, mode: 0o640 })).toMatch(/options\.mode must be 0o600/)
  })

  it('a second timer service is refused, by whichever path; cancelled timers never fire', async () => {
    const root = tempDirectory()
    const path = join(root, 'timers')
    const { clock, system } = createTestSystem()
    let sent = 0
    const behavior = { init: () => 0, handleCall: (): [number, number] => [0, 0], handleCast: () => (sent++, 0) }
    await GenServer.start(behavior, { name: 'mailer', system })
    const service = await TimerService.start({ path, system })
    await TimerService.schedule(service, 'mailer', 'the bill', 30, { id: 'bill' })
    await TimerService.schedule(service, 'mailer', 'no bill', 30, { id: 'none' })
    symlinkSync('timers', join(root, 'link'))
    for (const spelled of [path, `${path}/../timers/`, relative(process.cwd(), path), join(root, 'link')]) {
      await expect(TimerService.start({ path: spelled, system }), spelled).rejects.toMatchObject(locked)
      await expect(openJournal(spelled), spelled).rejects.toMatchObject(locked)
    }
    expect(await TimerService.cancel(service, 'none')).toBe(true)
    await clock.advance(60)
    expect(sent).toBe(1)
    await TimerService.stop(service)
    await using journal = await openJournal(path)
    await expect(TimerService.start({ path, system })).rejects.toMatchObject(locked)
    await journal.close()
    const again = await TimerService.start({ path, system })
    await clock.advance(60)
    expect([sent, await TimerService.getAll(again)]).toEqual([1, []])
    await system.close()
  })

  it('another thread is another user', async () => {
    const path = tempDirectory()
    const service = await TimerService.start({ path })
    const program = `
      const { TimerService } = require('keelson/otp')
      const { parentPort, workerData } = require('node:worker_threads')
      TimerService.start({ path: workerData }).then(() => 'started', (error) => error.code).then((text) => parentPort.postMessage(text))`
    const worker = new Worker(program, { eval: true, workerData: path })
    expect(await new Promise((resolve) => worker.once('message', resolve))).toBe(locked.code)
    await worker.terminate()
    await TimerService.stop(service)
  })

  it('a service that a supervisor starts again gets the directory of the one that was killed', async () => {
    const path = tempDirectory()
    const supervisor = await Supervisor.start({
      children: [{ id: 'timers', start: () => TimerService.start({ path }), shutdownTimeout: 'brutal_kill' }],
    })
    for (let round = 1; round <= 5; round++) {
      const service = Supervisor.getChild(supervisor, 'timers')!.ref as TimerServiceRef
      await TimerService.schedule(service, 'nobody', round, 3_600_000)
      await Supervisor.restartChild(supervisor, 'timers')
    }
    const last = Supervisor.getChild(supervisor, 'timers')!.ref as TimerServiceRef
    expect(await TimerService.getAll(last)).toHaveLength(5)
    await Supervisor.stop(supervisor)
  })
})
