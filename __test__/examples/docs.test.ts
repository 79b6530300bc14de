import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

// Inside the package, so that its own name resolves; ignored by git.
const folder = fileURLToPath(new URL('../../.cache/docs/', import.meta.url))
const root = fileURLToPath(new URL('../../', import.meta.url))

const pages = ['README.md', ...readdirSync(`${root}docs`).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith('.md'),
)
const programs = pages.flatMap((page) => {
  const blocks = readFileSync(root + page, 'utf8').matchAll(/^```js run\n([\s\S]*?)^```$/gm)
  return Array.from(blocks, (block, index) => ({ name: `${page} #${index + 1}`, code: block[1] as string }))
})

it('finds the examples', () => {
  expect(programs.filter(({ name }) => name.startsWith('README')).length).toBeGreaterThan(1)
})

it.each(programs)('runs $name', ({ name, code }) => {
  mkdirSync(folder, { recursive: true })
  const file = `${folder}${name.replaceAll(/\W+/g, '-')}.mjs`
  writeFileSync(file, code)
  const child = spawnSync(process.execPath, [file], { cwd: root, encoding: 'utf8', timeout: 20_000 })
  expect(child.status, child.stdout + child.stderr).toBe(0)
  expect(child.stderr).toBe('')
})
