// Kills a program with persistent processes again and again: no reply is ever seen without its events on disk.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openJournal } from 'keelson/journal'

/** Programs that run at the same time: one starts while the journal of another is read. */
const LANES = 2
/** Kills after which a lane begins a new journal, so that it stays short. */
const KILLS_OF_A_JOURNAL = 100
const MOST_REPLIES = 30
const SEGMENT_BYTES = 1 << 14

const require = createRequire(import.meta.url)
const { pack } = require('./pack.cjs')
const packer = fileURLToPath(new URL('pack.cjs', import.meta.url))
const entry = fileURLToPath(new URL('account.cjs', import.meta.url))
// A kill takes nothing from the system's cache, so memory does for a disk where there is some.
const disk = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

function program(packed, args) {
  const child = spawn(process.execPath, [packer, packed, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { text: '', errors: '', lines: 0, onLine: () => {} }
  child.stderr.on('data', (chunk) => (output.errors += String(chunk)))
  child.stdout.on('data', (chunk) => {
    const text = String(chunk)
    output.text += text
    output.lines += text.split('\n').length - 1
    output.onLine()
  })
  const ended = new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, ...output }))
  })
  return { child, output, ended }
}

/** Runs the program, and kills it once it has opened its journal and given so many replies. Returns its last replies. */
async function killed(packed, path, replies) {
  const { child, output, ended } = program(packed, [JSON.stringify(path), `${SEGMENT_BYTES}`, '1e9'])
  output.onLine = () => {
    if (output.lines >= 1 + replies) child.kill('SIGKILL')
  }
  const { signal, text, errors } = await ended
  if (signal !== 'SIGKILL') throw new Error(`the program ended by itself: ${errors}`)
  // A line that the kill cut is no reply that anybody saw.
  const lines = text.slice(0, text.lastIndexOf('\n')).split('\n').slice(1)
  return lines.map((line) => line.split(' ').map(Number))
}

/** Accounts as the replies and the journal have shown them: `sums[n]` after n events. */
class Accounts {
  seen = [0, 1, 2].map(() => ({ count: 0, sum: 0, sums: new Map([[0, 0]]) }))
  replies = 0

  /** Reads the events that are new, and checks the replies of a killed program. */
  async check(path, replies) {
    const journal = await openJournal(path, { segmentBytes: SEGMENT_BYTES })
    try {
      for (const [n, account] of this.seen.entries()) this.#read(journal, `account-${n}`, account)
    } finally {
      await journal.close()
    }
    for (const [n, count, sum] of replies) {
      const { sums, count: found } = this.seen[n]
      if (count > found) throw new Error(`a reply of ${count} events of account-${n}, and ${found} are on disk`)
      if (sums.get(count) !== sum) throw new Error(`a reply of ${sum}, and account-${n} has ${sums.get(count)}`)
      this.replies += 1
    }
  }

  #read(journal, stream, account) {
    for (const { data, position } of journal.readStream(stream, { from: account.count })) {
      if (position !== account.count) throw new Error(`a gap before ${position} of ${stream}`)
      if (data.count !== position - (position % 2)) throw new Error(`${stream} decided on ${data.count} at ${position}`)
      account.count += 1
      account.sum += data.amount
      account.sums.set(account.count, account.sum)
    }
    if (account.count % 2 !== 0) throw new Error(`half of a batch in ${stream}`)
  }
}

/** Returns a sentence with the number of kills and replies. Stops before `kills` when `ms` have passed. */
export async function killAgainAndAgain(kills, ms) {
  const folder = mkdtempSync(join(disk, 'keelson-kills-'))
  const packed = join(folder, 'pack.js')
  const end = performance.now() + ms
  let [begun, replies] = [0, 0]
  const lane = async (number) => {
    for (let round = 0; begun < kills && performance.now() < end; round += 1) {
      const path = join(folder, `lane-${number}-${round}`)
      const accounts = new Accounts()
      for (let kill = 0; kill < KILLS_OF_A_JOURNAL && begun < kills && performance.now() < end; kill += 1) {
        begun += 1
        if (begun % 1000 === 0) console.log(`${begun} kills`)
        // Some while the processes start; the others after some replies.
        await accounts.check(path, await killed(packed, path, Math.floor(Math.random() * (MOST_REPLIES + 1))))
      }
      replies += accounts.replies
      rmSync(path, { recursive: true })
    }
  }
  try {
    pack(entry, packed)
    const compile = ['compile', JSON.stringify(join(folder, 'compile')), `${SEGMENT_BYTES}`, `${MOST_REPLIES}`]
    const { code, errors } = await program(packed, compile).ended
    if (code !== 0) throw new Error(`the program does not run: ${errors}`)
    await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return `${begun} kills, ${replies} replies, each with its events on disk`
}
