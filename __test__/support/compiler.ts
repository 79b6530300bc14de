import { mkdirSync, writeFileSync } from 'node:fs'
import { API, type Project } from 'typescript/unstable/sync'

import { root } from './root.ts'

/** Passes `files` to `use` as one project under `--strict`, as a user of the package compiles it. */
export function withProject<T>(name: string, files: readonly string[], use: (project: Project) => T): T {
  const folder = `${root}.cache/${name}/`
  mkdirSync(folder, { recursive: true })
  const config = `${folder}tsconfig.json`
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: 'nodenext',
    target: 'es2024',
    lib: ['ESNext'],
    types: ['node'],
    skipLibCheck: true,
  }
  writeFileSync(config, JSON.stringify({ compilerOptions, files }))
  const api = new API({ cwd: root })
  try {
    const project = api.updateSnapshot({ openProjects: [config] }).getProjects()[0]
    if (project === undefined) throw new Error('the compiler opened no project')
    return use(project)
  } finally {
    api.close()
  }
}
