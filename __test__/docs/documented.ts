/** The code blocks of the pages, and what the compiler says of each as TypeScript under `--strict`. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'

import { withProject } from '../support/compiler.ts'
import { root } from '../support/root.ts'

export interface Block {
  /** `docs/atom.md:6` */
  readonly name: string
  readonly language: string
  readonly code: string
}

const documents = readdirSync(`${root}docs`, { encoding: 'utf8', recursive: true }).map((name) => `docs/${name}`)
export const pages: readonly string[] = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...documents].filter(
  (name) => name.endsWith('.md'),
)

/** Every block of every page, whatever its language. */
export const blocks: readonly Block[] = pages.flatMap((page) => {
  const text = readFileSync(root + page, 'utf8')
  return Array.from(text.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm), (block) => ({
    name: `${page}:${text.slice(0, block.index).split('\n').length}`,
    language: block[1] as string,
    code: block[2] as string,
  }))
})

/** Declarations of earlier blocks, put in front of blocks that go on from them. */
const BEFORE: Readonly<Record<string, string>> = {
  app: "import express from 'express'\nconst app = express()",
  admission: "import { admission } from 'keelson/express'",
  requestJournal: "import { requestJournal } from 'keelson/express'",
  gracefulShutdown: "import { gracefulShutdown } from 'keelson/express'",
  Atrion: "import { Atrion } from 'keelson/atrion'",
  Journal: "import { Journal } from 'keelson/journal'",
  log: 'const log = console',
  pool: 'const pool = { end: async () => {} }',
}

/** Returns the declarations that a block needs from the blocks before it. */
export function preludeOf(code: string): string {
  const needed = Object.entries(BEFORE).filter(
    ([name]) =>
      new RegExp(`(?<![.\\w'/-])${name}\\b(?!['-])`).test(code.replaceAll(/\/\/.*$/gm, '')) &&
      !new RegExp(`const (?:\\{[^}]*)?\\b${name}\\b|import[^\\n]*\\b${name}\\b[^\\n]*from`).test(code),
  )
  return needed.map(([, line]) => `${line}\n`).join('')
}

export interface Fault {
  readonly block: string
  readonly code: number
  readonly text: string
}

/** The folder of the blocks as TypeScript. It lies inside the package, so that the package's own name resolves. */
export const typesFolder: string = `${root}.cache/docs-types/`
export const fileNameOf = ({ name }: Block): string => name.replaceAll(/\W+/g, '-')

/** Lists the errors of the compiler. One program checks all blocks. */
export function faultsOf(wanted: readonly Block[]): Fault[] {
  mkdirSync(typesFolder, { recursive: true })
  const fileOf = (block: Block): string => `${typesFolder}${fileNameOf(block)}.mts`
  for (const block of wanted) writeFileSync(fileOf(block), `${preludeOf(block.code)}${block.code}\nexport {}\n`)
  return withProject('docs-types', wanted.map(fileOf), ({ program }) =>
    wanted.flatMap((block) => {
      const file = fileOf(block)
      const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
      return found.map((one) => ({ block: block.name, code: one.code, text: one.text }))
    }),
  )
}
