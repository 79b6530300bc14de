/** `llms.txt` and the index of the documentation miss no page. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { root } from '../support/root.ts'

const text = readFileSync(`${root}llms.txt`, 'utf8')
const lines = Array.from(text.matchAll(/^- \[([^\]]+)\]\(([^)]+)\)(.*)$/gm), ([, title, path, note]) => ({
  title: title as string,
  path: path as string,
  note: note as string,
}))

/** The pages for users. The pages of reasons are listed by their own index. */
const pages = readdirSync(`${root}docs`, { encoding: 'utf8', recursive: true })
  .map((name) => `docs/${name.replaceAll('\\', '/')}`)
  .filter((path) => path.endsWith('.md') && (path === 'docs/design/README.md' || !path.startsWith('docs/design/')))

const linksOf = (page: string): string[] =>
  Array.from(readFileSync(root + page, 'utf8').matchAll(/\]\(([^)#\s]+)[^)]*\)/g), ([, link]) =>
    join(page, '..', link as string).replaceAll('\\', '/'),
  )

describe('llms.txt', () => {
  it('begins with the name of the package and what it is', () => {
    expect(text).toMatch(/^# keelson\n\n> [^\n]+\n\n/)
  })

  it('lists every page once', () => {
    const listed = lines.map(({ path }) => path).filter((path) => path.startsWith('docs/'))
    const missing = pages.filter((page) => !listed.includes(page))
    const gone = listed.filter((page) => !pages.includes(page))
    const repeated = listed.filter((page, index) => listed.indexOf(page) < index)
    expect({ missing, gone, repeated }).toEqual({ missing: [], gone: [], repeated: [] })
  })

  it('lists files that exist, and says what each has', () => {
    expect(lines.filter(({ path, note }) => !existsSync(root + path) || !/^: \S/.test(note))).toEqual([])
  })

  it('has no line of another form', () => {
    const others = text.split('\n').filter((line) => line.startsWith('-'))
    expect(others).toHaveLength(lines.length)
  })
})

it('docs/README.md leads to every page', () => {
  const index = linksOf('docs/README.md')
  const next = index.filter((page) => page.endsWith('README.md') && existsSync(root + page)).flatMap(linksOf)
  const reached = new Set(['docs/README.md', 'docs/design/README.md', ...index, ...next])
  expect(pages.filter((page) => !reached.has(page))).toEqual([])
})
