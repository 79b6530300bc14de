import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { openJournal } from 'keelson/journal'

interface Event {
  readonly type: 'first' | 'second'
  readonly amount: number
  readonly count: number
}

/** The replies that a killed program had given: the last one of each account. */
type Replies = Map<string, { readonly count: number; readonly sum: number }>

/** Runs a program that replies, and kills it at a random moment after its first reply. */
function killed(path: string, after: number): Promise<Replies> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'account.mjs'), path])
    let [output, errors] = ['', '']
    let isArmed = false
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()))
    child.stdout.on('data', (text: Buffer) => {
      output += text.toString()
      // So many replies later, which says when without a look at a clock.
      if (!isArmed && output.split('\n').length > 1 + after) {
        isArmed = true
        child.kill('SIGKILL')
      }
    })
    child.on('close', (_, signal) => {
      if (signal !== 'SIGKILL') {
        reject(new Error(`it ended by itself: ${errors}`))
        return
      }
      const replies: Replies = new Map()
      // A line that the kill cut is no reply that anybody saw.
      for (const line of output.slice(0, output.lastIndexOf('\n')).split('\n').slice(1)) {
        const [account, count, sum] = line.split(' ')
        replies.set(`account-${account}`, { count: Number(count), sum: Number(sum) })
      }
      resolve(replies)
    })
  })
}

/**
 * Kills a program with persistent processes again and again. Returns how many replies it checked.
 *
 * @throws Error when a reply was seen whose events are not on disk, or half of a batch is.
 */
export async function killAgainAndAgain(path: string, kills: number, random: () => number): Promise<number> {
  let checked = 0
  for (let round = 0; round < kills; round++) {
    const replies = await killed(path, 1 + Math.floor(random() * 30))
    const journal = await openJournal<Event>(path, { segmentBytes: 1 << 16 })
    try {
      for (const [stream, { count, sum }] of replies) {
        checked++
        let [found, total, at] = [0, 0, 0]
        for (const { data, position } of journal.readStream(stream)) {
          if (position !== at++) throw new Error(`round ${round}: a gap before ${position} of ${stream}`)
          found++
          total += data.amount
          if (found === count && total !== sum) throw new Error(`round ${round}: ${total} and not ${sum} in ${stream}`)
        }
        if (found < count)
          throw new Error(`round ${round}: a reply of ${count} events of ${stream}, and ${found} on disk`)
        if (found % 2 !== 0) throw new Error(`round ${round}: half of a batch in ${stream}`)
      }
    } finally {
      await journal.close()
    }
  }
  return checked
}
