// The documentation site. `scripts/docs.mjs` writes the pages into pages/ and the sidebar beside them.
import { readFileSync } from 'node:fs'

import { anchorOf } from '../../scripts/lib/site-pages.mjs'

const { sidebar, version, hasApi } = JSON.parse(readFileSync(new URL('../pages/site.json', import.meta.url), 'utf8'))

export default {
  title: 'keelson',
  description: 'Building blocks for Node services that must stay correct and useful under load.',
  lang: 'en',
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: '/favicon.svg' }]],
  srcDir: 'pages',
  outDir: '../dist-docs',
  cacheDir: '../.cache/vitepress',
  cleanUrls: false,
  markdown: { anchor: { slugify: anchorOf }, toc: { slugify: anchorOf } },
  // The reference is written beside the pages after they are built.
  ignoreDeadLinks: [/^\/api\//],
  themeConfig: {
    search: { provider: 'local' },
    sidebar,
    outline: [2, 3],
    nav: [
      { text: 'By task', link: '/tasks' },
      { text: 'Getting started', link: '/getting-started' },
      ...(hasApi ? [{ text: 'API', link: '/api/index.html', target: '_self' }] : []),
      { text: version, link: '/changelog' },
    ],
  },
}
