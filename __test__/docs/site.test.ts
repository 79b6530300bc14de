/** The documentation site: its pages in a browser, its links, and a reference of every public name. */
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import { delimiter, extname, join, resolve } from 'node:path'
import { SymbolFlags } from 'typescript/unstable/sync'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { publicNames } from '../../scripts/lib/public-names.mjs'
import { anchorOf, sidebarOf, siteNameOf, sitePage } from '../../scripts/lib/site-pages.mjs'
import { withProject } from '../support/compiler.ts'
import { debianTool } from '../support/debian-tool.ts'
import { root } from '../support/root.ts'
import { entries } from '../surface/surface.ts'

const site = join(root, 'dist-docs')
const isBuilt = existsSync(join(site, 'api', 'index.html'))
const unbuilt = isBuilt ? '' : ' (skipped: the site is not built; `npm run docs` builds it)'

const files = (extension: string): string[] =>
  readdirSync(site, { encoding: 'utf8', recursive: true })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith(extension))
const htmlOf = (name: string): string => readFileSync(join(site, name), 'utf8')

const entities: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&amp;': '&',
  '&quot;': '"',
  '&#39;': "'",
}
/** The words of a page, without markup. */
const wordsOf = (html: string): string =>
  html
    .replaceAll(/<wbr\s*\/?>|<\/?(?:a|code|span|em|strong)\b[^>]*>/g, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&(?:\w+|#39);/g, (entity) => entities[entity] ?? entity)
    .replaceAll('`', '')
    .replaceAll(/\s+/g, ' ')

describe('pages of the site', () => {
  test('have their place', () => {
    expect(siteNameOf('README.md')).toBe('index.md')
    expect(siteNameOf('docs/README.md')).toBe('tasks.md')
    expect(siteNameOf('docs/clock.md')).toBe('clock.md')
    expect(siteNameOf('docs/design/README.md')).toBe('design/index.md')
    expect(siteNameOf('js/index.ts')).toBeUndefined()
  })

  test('link to pages of the site', () => {
    const text = [
      '[clock](docs/clock.md#in-tests)',
      '[design](docs/design)',
      '[out](https://example.org)',
      '[code](js/index.ts)',
      '```md\n[clock](docs/clock.md)\n```',
    ].join('\n\n')
    expect(sitePage('README.md', text).split('\n\n')).toEqual([
      '[clock](./clock.md#in-tests)',
      '[design](./design/index.md)',
      '[out](https://example.org)',
      'code',
      '```md\n[clock](docs/clock.md)\n```',
    ])
    expect(sitePage('docs/design/clock.md', '[up](../clock.md)')).toBe('[up](../clock.md)')
    expect(sitePage('docs/clock.md', '[index](README.md)')).toBe('[index](./tasks.md)')
  })

  test('stand in the sidebar where the index links to them as a whole', () => {
    const pages = {
      'README.md': '# keelson',
      'docs/README.md': '# Documentation',
      'docs/a.md': '# A',
      'docs/b.md': '# B',
      'docs/c.md': '# C',
      'docs/design/README.md': '# Design',
    }
    const index = '# Index\n\n## One\n\n[b](b.md#part) [a](a.md)\n\n## Two\n\n[b](b.md)\n'
    const groups: readonly { text: string; items: readonly { text: string; link: string }[] }[] = sidebarOf(
      index,
      pages,
    )
    expect(groups.map(({ text, items }) => [text, items.map((item) => item.text)])).toEqual([
      ['Start', ['keelson', 'By task']],
      ['One', ['A']],
      ['Two', ['B']],
      ['Reasons', ['Design']],
      ['Project', ['C']],
    ])
    expect(groups[3]?.items[0]?.link).toBe('/design/')
  })

  test('have the anchors of GitHub', () => {
    expect(anchorOf("Code that reads the host's time")).toBe('code-that-reads-the-hosts-time')
  })
})

describe.skipIf(!isBuilt)(`the site${unbuilt}`, () => {
  test('links to pages and headings that exist', () => {
    const broken = files('.html')
      .filter((name) => !name.startsWith('api/'))
      .flatMap((page) =>
        Array.from(htmlOf(page).matchAll(/<a [^>]*href="([^"]*)"/g), ([, href]) => href as string)
          .filter((href) => !/^[a-z]+:/.test(href))
          .map((href) => new URL(href, `http://site/${page}`))
          .filter(({ pathname, hash }) => {
            const name = decodeURI(pathname)
              .slice(1)
              .replace(/(^|\/)$/, '$1index.html')
            if (!existsSync(join(site, name))) return true
            return hash !== '' && !htmlOf(name).includes(`id="${decodeURIComponent(hash.slice(1))}"`)
          })
          .map(({ pathname, hash }) => `${page}: ${pathname}${hash}`),
      )
    expect([...new Set(broken)]).toEqual([])
  })

  test('loads nothing from elsewhere', () => {
    const outside =
      /<(?:script|link|img|iframe|source)\b[^>]*(?:src|href)="(?:https?:)?\/\/|url\(['"]?(?:https?:)?\/\/|@import ['"]https?:/
    expect([...files('.html'), ...files('.css')].filter((name) => outside.test(htmlOf(name)))).toEqual([])
  })

  test('the reference has every public name, with its guarantee', () => {
    const fileOf = (entry: string): string => `${root}dist/${entry}/index.d.ts`
    const read = (path: string): string => readFileSync(`${root}dist/${path}`, 'utf8')
    const missing = withProject('site', entries.map(fileOf), ({ checker, program }) =>
      entries.flatMap((entry) => {
        // A name may be a type and a value: it has a page for each then.
        const links = Array.from(
          htmlOf(`api/modules/${entry}.html`).matchAll(/href="(?:\.\.\/)?((?:\w+\/)?[\w-]+\.(\w+)\.html)"/g),
          ([, page, name]) => ({ name, page: page?.includes('/') ? page : `modules/${page}` }),
        )
        const source = program.getSourceFile(fileOf(entry))
        const module = source && checker.getSymbolAtLocation(source)
        const symbols = new Map((module ? checker.getExportsOfModule(module) : []).map((one) => [one.name, one]))
        return publicNames(`${entry}/index.d.ts`, read)
          .filter((name: string) => {
            const found = links.filter((link) => link.name === name)
            const exported = symbols.get(name)
            if (exported === undefined) return true
            const symbol = exported.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
            const doc = symbol.getDocumentationComment(checker).replaceAll('`', '').replaceAll(/\s+/g, ' ')
            // Its first words: the rest may hold lists and links, which look different.
            const begin = doc.split(' ').slice(0, 5).join(' ')
            return begin === '' || !found.some(({ page }) => wordsOf(htmlOf(`api/${page}`)).includes(begin))
          })
          .map((name: string) => `${entry} ${name}`)
      }),
    )
    expect(missing).toEqual([])
  })
})

interface BrowserPage {
  goto(url: string): Promise<{ status(): number } | null>
  title(): Promise<string>
  on(event: string, listener: (event: { url(): string; type(): string; text(): string }) => void): void
  click(selector: string): Promise<void>
  fill(selector: string, text: string): Promise<void>
  evaluate<T>(expression: string): Promise<T>
  waitForSelector(selector: string): Promise<unknown>
  locator(selector: string): { first(): { textContent(): Promise<string | null> }; count(): Promise<number> }
}
interface Browser {
  newPage(options?: object): Promise<BrowserPage>
  close(): Promise<void>
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

const chromium = debianTool('chromium', ['chromium', 'chromium-browser', 'google-chrome'])
const skipped = isBuilt && chromium.reason !== undefined ? ` (skipped: ${chromium.reason})` : unbuilt

/** The path of a command. */
function pathOf(command: string): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.map((folder) => resolve(folder, command)).find((path) => existsSync(path)) ?? command
}

describe.skipIf(!isBuilt || chromium.reason !== undefined)(`the site in a browser${skipped}`, () => {
  let server: Server
  let browser: Browser
  let origin = ''

  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = decodeURI(new URL(request.url as string, 'http://site').pathname)
      const file = join(site, path.endsWith('/') ? `${path}index.html` : path)
      if (!existsSync(file)) return void response.writeHead(404).end()
      response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' })
      response.end(readFileSync(file))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`
    const playwright = createRequire(join(root, 'docs-site', 'package.json'))('playwright-core') as {
      chromium: { launch(options: object): Promise<Browser> }
    }
    browser = await playwright.chromium.launch({
      executablePath: pathOf(chromium.command as string),
      env: { ...process.env, ...chromium.env },
      args: ['--no-sandbox', '--disable-gpu'],
    })
  })

  afterAll(async () => {
    await browser?.close()
    server?.close()
  })

  /** Opens a page. `faults` lists requests to elsewhere, requests that fail, and errors of scripts. */
  async function opened(path: string): Promise<{ page: BrowserPage; faults: string[] }> {
    const faults: string[] = []
    const page = await browser.newPage({ colorScheme: 'light' })
    page.on('request', (request) => {
      if (!request.url().startsWith(origin) && !request.url().startsWith('data:')) faults.push(request.url())
    })
    page.on('requestfailed', (request) => faults.push(request.url()))
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text())
    })
    expect((await page.goto(origin + path))?.status()).toBe(200)
    return { page, faults }
  }

  test('the first page: the sidebar, dark and light', async () => {
    const { page, faults } = await opened('/')
    await page.waitForSelector('.VPSidebar a[href="/gen-server.html"]')
    expect(await page.locator('main h1').first().textContent()).toContain('keelson')
    const isDark = (): Promise<boolean> => page.evaluate(`document.documentElement.classList.contains('dark')`)
    expect(await isDark()).toBe(false)
    await page.click('.VPNavBar .VPSwitchAppearance')
    expect(await isDark()).toBe(true)
    expect(faults).toEqual([])
  })

  test('a page: its title, its code, and the search', async () => {
    const { page, faults } = await opened('/gen-server.html')
    expect(await page.title()).toContain('GenServer')
    expect(await page.locator('main pre').count()).toBeGreaterThan(2)
    await page.click('.VPNavBarSearch button')
    await page.fill('.VPLocalSearchBox input', 'idle timeout')
    await page.waitForSelector('.VPLocalSearchBox .result')
    expect(faults).toEqual([])
  })

  test('a page of the reference', async () => {
    const { page, faults } = await opened('/api/interfaces/otp.StartOptions.html')
    expect(await page.title()).toContain('StartOptions')
    expect(await page.locator('.tsd-comment').count()).toBeGreaterThan(5)
    expect(faults).toEqual([])
  })
})
