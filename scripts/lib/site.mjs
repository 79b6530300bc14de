// The documentation site: pages and sidebar from docs/, the reference from the built declarations.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { entries } from './entries.mjs'
import { bin, run } from './exec.mjs'
import { install } from './install.mjs'
import { at, shown } from './paths.mjs'
import { sidebarOf, siteNameOf, sitePage } from './site-pages.mjs'
import { filesIn, fingerprint, whenChanged } from './stamp.mjs'

const folder = at('docs-site')
const output = at('dist-docs')
const pagesFolder = join(folder, 'pages')

/** Files of the repository that are in the site. */
const sources = () =>
  [
    ...['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md'].map((name) => at(name)),
    ...filesIn(at('docs')),
  ].filter((path) => siteNameOf(shown(path)) !== undefined)

/** Writes the pages as VitePress reads them. */
function writePages(hasApi) {
  rmSync(pagesFolder, { recursive: true, force: true })
  const texts = {}
  for (const path of sources()) {
    const name = shown(path)
    const target = join(pagesFolder, siteNameOf(name))
    mkdirSync(join(target, '..'), { recursive: true })
    if (name.endsWith('.md')) {
      texts[name] = readFileSync(path, 'utf8')
      writeFileSync(target, sitePage(name, texts[name]))
    } else cpSync(path, target)
  }
  mkdirSync(join(pagesFolder, 'public'))
  cpSync(join(folder, 'favicon.svg'), join(pagesFolder, 'public', 'favicon.svg'))
  const { version } = JSON.parse(readFileSync(at('package.json'), 'utf8'))
  const site = { sidebar: sidebarOf(texts['docs/README.md'], texts), version, hasApi }
  writeFileSync(join(pagesFolder, 'site.json'), JSON.stringify(site))
}

const api = () => {
  const files = entries()
    .filter(({ folder: entry }) => entry !== '.')
    .map(({ folder: entry }) => at('dist', entry, 'index.d.ts'))
  const options = {
    entryPoints: files,
    out: join(output, 'api'),
    name: 'keelson',
    readme: 'none',
    disableSources: true,
    excludeInternal: true,
    hideGenerator: true,
    githubPages: false,
    validation: false,
    skipErrorChecking: true,
    basePath: at('dist'),
    tsconfig: join(folder, 'tsconfig.api.json'),
    favicon: join(folder, 'favicon.svg'),
    navigationLinks: { Documentation: '/' },
  }
  const file = join(pagesFolder, 'typedoc.json')
  writeFileSync(file, JSON.stringify(options))
  return run(process.execPath, [bin('typedoc', 'typedoc', folder), '--options', file], 'TypeDoc failed.', {
    cwd: folder,
  })
}

const vitepress = () =>
  run(process.execPath, [bin('vitepress', 'vitepress', folder), 'build'], 'VitePress failed.', { cwd: folder })

/** The steps that build the site. `needs` are steps before them. */
export const siteSteps = ({ api: hasApi, needs = ['esm'] }) => [
  { name: 'site-install', needs: ['install'], run: () => install(folder, 'site-install') },
  {
    name: 'site',
    needs: ['site-install', ...needs],
    run: async () => {
      const inputs = [
        ...sources(),
        join(folder, '.vitepress', 'config.mjs'),
        ...['favicon.svg', 'package-lock.json', 'tsconfig.api.json'].map((name) => join(folder, name)),
        ...['site.mjs', 'site-pages.mjs'].map((name) => at('scripts', 'lib', name)),
        ...(hasApi ? filesIn(at('dist'), (path) => path.endsWith('.d.ts')) : []),
      ].filter(existsSync)
      const made = [join(output, 'index.html'), ...(hasApi ? [join(output, 'api', 'index.html')] : [])]
      return whenChanged('site', fingerprint(inputs, [String(hasApi)]), made, async () => {
        writePages(hasApi)
        await vitepress()
        if (hasApi) await api()
      })
    },
  },
]
