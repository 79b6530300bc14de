/** Compares the comments of a block with the output of the block. */

/** A line that a block printed, and the line of the block that printed it, from 1; 0 if that is not known. */
export interface Printed {
  readonly line: number
  readonly text: string
}

interface Comment {
  readonly line: number
  readonly text: string
  /** True if nothing else stands on its line. */
  readonly isAlone: boolean
}

const literalOrComment = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|\/\/ ?([^\n]*)/g

function commentsOf(code: string): Comment[] {
  return Array.from(code.matchAll(literalOrComment), (match) => ({ match, text: match[1] }))
    .filter(({ text }) => text !== undefined)
    .map(({ match, text }) => {
      const before = code.slice(0, match.index)
      const isAlone = /(?:^|\n)[ \t]*$/.test(before)
      return { line: before.split('\n').length, text: (text as string).trim(), isAlone }
    })
}

/** Blanks strings and comments, and keeps the places. */
const bare = (code: string): string => code.replaceAll(literalOrComment, (text) => text.replaceAll(/[^\n]/g, ' '))

/** The lines of each call of `console.log`: the first and the last. */
function callsOf(code: string): { first: number; last: number }[] {
  const text = bare(code)
  const lineAt = (index: number): number => text.slice(0, index).split('\n').length
  return Array.from(text.matchAll(/console\.log\(/g), (match) => {
    let depth = 0
    let end = match.index + 'console.log'.length
    do {
      if (text[end] === '(') depth++
      if (text[end] === ')') depth--
      end++
    } while (depth > 0 && end < text.length)
    return { first: lineAt(match.index), last: lineAt(end) }
  })
}

const flat = (text: string): string => text.replaceAll(/\s+/g, ' ').trim()

/**
 * Returns whether a comment states a line of output. `…` stands for any text. An explanation may follow: after `: `, `, `
 * or `; `, or in brackets.
 */
export function states(comment: string, printed: string): boolean {
  const pattern = flat(comment)
    .split('…')
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*')
  if (new RegExp(`^${pattern}$`).test(flat(printed))) return true
  // The shortest beginning of the comment that is the output, with an explanation behind it.
  return Array.from(flat(comment).matchAll(/[:,;] (?=[a-z])| \((?=[a-z])/gi), ({ index }) => index).some((end) =>
    states(flat(comment).slice(0, end), printed),
  )
}

/** Returns whether a comment states all lines that one call printed. `A, then B` states two; `at last: A` the last. */
function statesAll(comment: string, printed: readonly string[]): boolean {
  const last = printed.at(-1)
  if (last !== undefined && comment.startsWith('at last: ')) return states(comment.slice('at last: '.length), last)
  const [only, ...others] = printed
  if (only !== undefined && others.length === 0) return states(comment, only)
  const parts = comment.split(/,? then /)
  return parts.length === printed.length && parts.every((part, index) => states(part, printed[index] as string))
}

/** Lists where the comments of a block and its output differ. */
export function differences(code: string, printed: readonly Printed[]): string[] {
  const comments = commentsOf(code)
  const found: string[] = []
  const stated = new Set<Printed>()
  for (const { first, last } of callsOf(code)) {
    const own = printed.filter(({ line }) => line >= first && line <= last)
    const beside = comments.filter(({ line, isAlone }) => line >= first && line <= last && !isAlone)
    const below: string[] = []
    for (let line = last + 1; ; line++) {
      const next = comments.find((comment) => comment.isAlone && comment.line === line)
      if (next === undefined) break
      below.push(next.text)
    }
    const texts = [...beside.map(({ text }) => text), ...below]
    if (texts.length === 0) continue
    // The comment below a call may be about what comes next.
    const isStated = [texts, beside.map(({ text }) => text)].some(
      (some) =>
        some.length > 0 &&
        statesAll(
          some.join(' '),
          own.map(({ text }) => text),
        ),
    )
    if (isStated) for (const one of own) stated.add(one)
    else if (beside.length > 0)
      found.push(
        `line ${first} says ${JSON.stringify(texts.join(' '))} and prints ${JSON.stringify(own.map(({ text }) => text))}`,
      )
  }
  const rest = printed.filter((one) => !stated.has(one))
  for (const { line, text } of rest) {
    const isStated = comments.some((comment) =>
      [comment.text, ...comment.text.split(/,? then |, (?=\w+ )/)].some((part) => states(part, text)),
    )
    if (!isStated) found.push(`line ${line} prints ${JSON.stringify(text)}, which no comment says`)
  }
  return [...new Set(found)]
}
