import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

// oxlint-disable-next-line typescript/no-explicit-any -- the programs are transpiled, not checked
export type Any = any

const folder = fileURLToPath(new URL('../../.cache/seeds/', import.meta.url))

/**
 * A program of a page, as it stands there but for the names of the packages, and what is changed in it.
 *
 * @param as What its file is called: a program of the same name is loaded once.
 */
export async function program(
  page: string,
  marker: string,
  change = (code: string): string => code,
  as: string = page,
): Promise<Any> {
  const text = readFileSync(new URL(`./pages/${page}.md`, import.meta.url), 'utf8')
  const blocks = [...text.matchAll(/```typescript\n([\s\S]*?)```/g)].map(([, code]) => code as string)
  const code = blocks.find((block) => block.includes(marker)) as string
  const renamed = code.replaceAll('"@phyxius/', '"keelson/')
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
