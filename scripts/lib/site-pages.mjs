// The pages of the documentation as the site has them: the same text, with links that lead somewhere in the site. Pure, so
// that it can be tested: what is read comes in as arguments.
import { posix } from 'node:path'

const { dirname, join, normalize } = posix

/** Pages of the site that lie elsewhere in the repository, by their path there. */
const MOVED = {
  'README.md': 'index.md',
  'docs/README.md': 'tasks.md',
  'ARCHITECTURE.md': 'architecture.md',
  'CHANGELOG.md': 'changelog.md',
  'CONTRIBUTING.md': 'contributing.md',
}

/** The path in the site of a page of the repository, or nothing for a file that is no page. */
export function siteNameOf(path) {
  if (MOVED[path] !== undefined) return MOVED[path]
  if (!/^docs\/.*\.(?:md|svg)$/.test(path)) return undefined
  return path.slice('docs/'.length).replace(/(^|\/)README\.md$/, '$1index.md')
}

const isElsewhere = (link) => /^(?:[a-z]+:|#)/.test(link)

/** The text of a page with its links rewritten. A link to a file that is not in the site becomes plain text. */
export function sitePage(path, text) {
  const own = siteNameOf(path)
  const rewritten = (whole, label, link) => {
    if (isElsewhere(link)) return whole
    const [target, anchor] = link.split('#')
    const found = normalize(join(dirname(path), target)).replace(/\/$/, '')
    const name = siteNameOf(found) ?? siteNameOf(`${found}/README.md`.replace(/^docs\/README/, 'none'))
    if (name === undefined) return label
    const relative = posix.relative(dirname(own), name)
    const hash = anchor === undefined ? '' : `#${anchor}`
    return `[${label}](${relative.startsWith('.') ? relative : `./${relative}`}${hash})`
  }
  // Code stays as it is; so does what the generator of a table writes around it.
  return text
    .split(/(^```[\s\S]*?^```$)/m)
    .map((part, index) =>
      index % 2 === 1 ? part : part.replaceAll(/(?<!!)\[((?:[^[\]]|\[[^\]]*\])+)\]\(([^)\s]+)\)/g, rewritten),
    )
    .join('')
}

const titleOf = (text) => (/^# (.+)$/m.exec(text)?.[1] ?? '').replaceAll('`', '')

/** The pages that a text links to, in order, and whether it links to the page as a whole. */
const linksOf = (text) =>
  Array.from(text.matchAll(/\]\(([^)#\s]+)(#[^)\s]*)?\)/g), ([, link, anchor]) => ({
    path: normalize(join('docs', link)).replace(/\/$/, '/README.md'),
    isWhole: anchor === undefined,
  }))

/**
 * The sidebar: a group for each heading of the index by task, with its pages in the order in which it links to them.
 * `pages` are the texts by path. A page stands where the index links to it as a whole. Pages that the index does not link
 * to come last.
 */
export function sidebarOf(index, pages) {
  const [first, ...sections] = index.split(/^## /m)
  const all = [first, ...sections].map(linksOf)
  const place = new Map()
  const places = (wanted) =>
    all.forEach((links, group) =>
      links.filter(wanted).forEach(({ path }) => {
        if (pages[path] !== undefined && !place.has(path)) place.set(path, group)
      }),
    )
  places(({ isWhole }) => isWhole)
  places(() => true)

  const item = (path) => ({ text: titleOf(pages[path]), link: `/${siteNameOf(path).replace(/(?:index)?\.md$/, '')}` })
  const group = (number) => [...place].filter(([, of]) => of === number).map(([path]) => item(path))
  const below = (folder) =>
    Object.keys(pages)
      .filter((path) => path.startsWith(folder))
      .toSorted((one, other) => Number(other.endsWith('README.md')) - Number(one.endsWith('README.md')))
  const inFolders = new Set([...below('docs/design/'), ...below('docs/migrating/')])
  const others = Object.keys(pages).filter(
    (path) => !place.has(path) && !inFolders.has(path) && !['README.md', 'docs/README.md'].includes(path),
  )
  return [
    { text: 'Start', items: [{ text: 'keelson', link: '/' }, { text: 'By task', link: '/tasks' }, ...group(0)] },
    ...sections.map((section, number) => ({
      text: section.slice(0, section.indexOf('\n')).trim(),
      items: group(number + 1),
    })),
    {
      text: 'From other libraries',
      items: below('docs/migrating/')
        .filter((path) => !place.has(path))
        .map(item),
    },
    {
      text: 'Reasons',
      items: below('docs/design/')
        .filter((path) => !place.has(path))
        .map(item),
    },
    { text: 'Project', items: others.toSorted().map(item) },
  ].filter(({ items }) => items.length > 0)
}

/** The anchor of a heading, as GitHub makes it: the pages link to those. */
export const anchorOf = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\-_ ]/gu, '')
    .replaceAll(' ', '-')
