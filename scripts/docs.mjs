// npm run docs [-- --without-api]: builds the documentation site into dist-docs/, with the reference of every public
// name under /api. Installs VitePress and TypeDoc into docs-site/node_modules.
import { buildSteps } from './lib/build-steps.mjs'
import { main } from './lib/failure.mjs'
import { siteSteps } from './lib/site.mjs'
import { runAll } from './lib/steps.mjs'

await main(() => runAll([...buildSteps(), ...siteSteps({ api: !process.argv.includes('--without-api') })]))
