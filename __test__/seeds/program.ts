import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { it } from 'vitest'

import { root } from '../support/root.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- the programs are transpiled, not checked
export type Any = any

const folder = fileURLToPath(new URL('../../.cache/seeds/', import.meta.url))

/** The documents whose programs these tests run. They are no part of the repository: they may lie beside the checkout. */
const documents = ['../seeds', '../shared/seeds'].map((path) => join(root, path)).find((path) => existsSync(path))

/** A test that needs the documents. Where they are not, it is skipped, and its title says so. */
export function itWithDocuments(title: string, body: () => Promise<void> | void): void {
  if (documents !== undefined) it(title, body)
  else it.skip(`${title} (skipped: there is no folder seeds beside the checkout)`, body)
}

/** Returns the code block of a document that has a marker. */
export function blockOf(document: string, marker: string): string {
  const text = readFileSync(join(documents as string, `${document}.md`), 'utf8')
  const blocks = [...text.matchAll(/```typescript\n([\s\S]*?)```/g)].map(([, code]) => code as string)
  return blocks.find((block) => block.includes(marker)) as string
}

/**
 * A program of a document, as it stands there but for the names of the packages, and what is changed in it.
 *
 * @param as The name of its file: a program of the same name is loaded once.
 */
export async function program(
  document: string,
  marker: string,
  change = (code: string): string => code,
  as: string = document,
): Promise<Any> {
  const renamed = blockOf(document, marker).replaceAll('"@phyxius/', '"keelson/')
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}${as}.ts`, change(renamed))
  return import(/* @vite-ignore */ `${folder}${as}.ts`)
}

export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
