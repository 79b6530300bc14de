// Paired processes: ours and the peer each in a fresh process, in turns, for what one process cannot compare
// (start-up, memory, a server under load). A program prints its result as JSON in its last line: a number, or an
// object of numbers.
import { spawn } from 'node:child_process'

/** Runs `{ file, args?, env?, node? }` in a process of its own and returns what its last line says. */
export function runProgram({ file, args = [], env = {}, node = [] }) {
  return new Promise((resolve, reject) => {
    const stdio = ['ignore', 'pipe', 'inherit']
    const child = spawn(process.execPath, [...node, file, ...args], { stdio, env: { ...process.env, ...env } })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code !== 0) return reject(new Error(`${file} ended with code ${code}`))
      return resolve(JSON.parse(output.trim().split('\n').at(-1)))
    })
  })
}

/** Runs both programs `rounds` times, the first one changing each round. Returns the results of each side. */
export async function pairedRounds({ ours, peer, rounds }) {
  const results = { ours: [], peer: [] }
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? ['ours', 'peer'] : ['peer', 'ours']
    for (const side of order) {
      const program = side === 'ours' ? ours : peer
      if (program) results[side].push(await runProgram(program))
    }
  }
  return results
}
