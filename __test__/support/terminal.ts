/** A real terminal for tests: a pane of tmux with a shell, which gets keys and shows its screen. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'

import { debianTool } from './debian-tool.ts'
import { root } from './root.ts'

const tool = debianTool('tmux', ['tmux'], '-V')

/** The reason for which there is no terminal; `undefined` when there is one. */
export const missingTmux: string | undefined = tool.reason

/** The settings of a terminal: `stty -g`, whether another screen is shown, and whether the cursor is. */
export interface TerminalState {
  readonly stty: string
  readonly isAlternate: boolean
  readonly hasCursor: boolean
}

/** A terminal. It is closed after the test. */
export class Terminal {
  readonly #folder = mkdtempSync(join(tmpdir(), 'keelson-tmux-'))

  constructor(columns: number = 120, rows: number = 34) {
    onTestFinished(() => this.close())
    const size = ['-x', String(columns), '-y', String(rows)]
    this.#tmux(
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      ...size,
      '-c',
      root,
      'env',
      'PS1=$ ',
      'bash',
      '--norc',
      '--noprofile',
    )
  }

  #tmux(...args: string[]): string {
    const env = { ...process.env, ...tool.env, LC_ALL: 'C.UTF-8', TERM: 'xterm-256color' }
    const call = ['-u', '-S', join(this.#folder, 'tmux'), ...args]
    return execFileSync(tool.command ?? 'tmux', call, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  /** Sends keys by their names of tmux: `Enter`, `C-c`, or text. */
  keys(...keys: string[]): void {
    this.#tmux('send-keys', ...keys)
  }

  /** Writes a line into the shell, and the key Enter. */
  line(text: string): void {
    this.#tmux('send-keys', '-l', text)
    this.#tmux('send-keys', 'Enter')
  }

  /** Returns what the screen shows. */
  screen(): string {
    return this.#tmux('capture-pane', '-p')
  }

  /** Changes the size of the terminal. */
  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows))
  }

  /** Waits until the screen shows a text. */
  async shows(text: string | RegExp): Promise<void> {
    await expect.poll(() => this.screen()).toMatch(text)
  }

  /** Waits until the screen shows a text no more. */
  async hides(text: string | RegExp): Promise<void> {
    await expect.poll(() => this.screen()).not.toMatch(text)
  }

  /** Returns how the terminal is set. The shell must wait for a line. */
  async state(): Promise<TerminalState> {
    const file = join(this.#folder, 'stty')
    rmSync(file, { force: true })
    this.line(`clear; stty -g > ${file}.new; mv ${file}.new ${file}`)
    const read = (): string => {
      try {
        return readFileSync(file, 'utf8').trim()
      } catch {
        return ''
      }
    }
    await expect.poll(read).not.toBe('')
    const [alternate, cursor] = this.#tmux('display-message', '-p', '#{alternate_on} #{cursor_flag}').trim().split(' ')
    return { stty: read(), isAlternate: alternate === '1', hasCursor: cursor === '1' }
  }

  /** Ends the terminal and what runs in it. */
  close(): void {
    try {
      this.#tmux('kill-server')
    } catch {
      // It has ended by itself.
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
