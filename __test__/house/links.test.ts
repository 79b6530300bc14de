import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..', '..')
const documents = readdirSync(join(root, 'docs'), { encoding: 'utf8', recursive: true }).map((name) => `docs/${name}`)
const top = readdirSync(root).filter((name) => name.endsWith('.md'))
const programs = readdirSync(join(root, 'examples'), { encoding: 'utf8', recursive: true })
  .map((name) => `examples/${name}`)
  .filter((name) => !name.includes('node_modules'))
const pages = [...top, ...documents, ...programs].filter((name) => name.endsWith('.md'))

/** The text of a page without its code blocks. */
const proseOf = (page: string): string => readFileSync(join(root, page), 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '')

/** The anchors of a page's headings, as GitHub makes them. */
const anchorsOf = (page: string): string[] =>
  Array.from(proseOf(page).matchAll(/^#+ (.*)$/gm), ([, heading]) =>
    (heading as string)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\-_ ]/gu, '')
      .replaceAll(' ', '-'),
  )

function isBroken(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? page : normalize(join(dirname(page), path)).replaceAll('\\', '/')
  if (!existsSync(join(root, target))) return true
  return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).includes(anchor)
}

describe.each(pages)('%s', (page) => {
  it('links to files and headings that exist', () => {
    const links = Array.from(proseOf(page).matchAll(/\]\(([^)\s]+)\)/g), ([, link]) => link as string)
    expect(links.filter((link) => !/^https?:/.test(link) && isBroken(page, link))).toEqual([])
  })
})
