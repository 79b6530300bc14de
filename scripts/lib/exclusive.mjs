// Work that only one process of this checkout may do at a time.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { at } from './paths.mjs'

/** Returns whether the process that wrote this file still runs. A file without a number was just made. */
function isHeld(path) {
  let pid
  try {
    pid = Number(readFileSync(path, 'utf8'))
  } catch {
    return false
  }
  if (pid === 0) return true
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Does `work` while no other process does work of this name. A process that was killed holds nobody up. */
export async function exclusively(name, work) {
  const path = at('.cache', 'running', name)
  mkdirSync(dirname(path), { recursive: true })
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      if (!isHeld(path)) rmSync(path, { force: true })
      await sleep(20)
    }
  }
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}
