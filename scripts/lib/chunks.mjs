// Which file of the bundle holds a module. Node takes half a millisecond to find, read and compile a file, so a folder of
// js/ is one file, and the folders that everything needs are one file together. Modules that no program needs at its
// start are files of their own: js/internal/lazy.ts loads them at their first use.
import { relative, sep } from 'node:path'

import { at } from './paths.mjs'

/** Folders that have no file of their own, each with the folder whose file holds them. */
const HELD_BY = { errors: '.', internal: '.', system: '.', clock: '.', tables: '.', cache: 'otp', policy: 'effect' }

/** Modules that are not in the file of their folder, because programs need the one without the other. */
const APART = [
  { modules: /^journal\/durable\/(?!open-journal\.ts|create-projection\.ts)/, chunk: 'durable' },
  { modules: /^clock\/(?:auto-advance|controlled-clock|errors|holds|millis|stall-watch)\.ts$/, chunk: 'clock' },
  {
    modules: /^(?:effect\/fiber\/(?:systems|tracing)|clock\/time-passes|observe\/errors|plain\/(?:errors|text))\.ts$/,
    chunk: 'base',
  },
]

/** Returns the path of a module below js/, or undefined. */
function pathOf(id) {
  const path = relative(at('js'), id)
  return path.startsWith('..') ? undefined : path.split(sep).join('/')
}

/** Returns the folder whose file holds a module; undefined for what is of no folder, such as the numbers of the seam. */
function folderOf(id) {
  const path = pathOf(id)
  if (path === undefined || path.startsWith('protocol/')) return undefined
  const folder = path.includes('/') ? path.slice(0, path.indexOf('/')) : '.'
  return HELD_BY[folder] ?? folder
}

/** Returns the name of the file of a module that is loaded at its first use. */
export const laterName = (id) => `later-${pathOf(id).slice(0, -'.ts'.length).replaceAll('/', '-')}`

/** Returns the modules that are loaded with some modules. */
function loadedWith(graph, ids) {
  const found = new Set()
  const left = [...ids]
  for (let id = left.pop(); id !== undefined; id = left.pop()) {
    if (found.has(id)) continue
    found.add(id)
    left.push(...graph.of(id).importedIds)
  }
  return found
}

/** Returns the first part of the path of a module. */
const roomOf = (id) => pathOf(id)?.split('/')[0]

/**
 * Returns the modules that are in the files of folders, and the folders whose modules others than their own entry import.
 * Of a folder that the root has, these are the modules that the root loads: an entry for few programs, which loads more of
 * it, must not make all load that.
 */
function survey(graph) {
  const entries = graph.ids().filter((id) => graph.of(id).isEntry && pathOf(id) !== undefined)
  const ofRoot = loadedWith(
    graph,
    entries.filter((id) => pathOf(id) === 'index.ts'),
  )
  const rooms = new Set([...ofRoot].map(roomOf))
  const early = new Set([...loadedWith(graph, entries)].filter((id) => ofRoot.has(id) || !rooms.has(roomOf(id))))
  const shared = new Set()
  for (const id of early) {
    for (const imported of graph.of(id).importedIds) {
      if (folderOf(imported) !== folderOf(id)) shared.add(folderOf(imported))
    }
  }
  return { early, shared }
}

/**
 * Returns a function that tells the name of the chunk of a module; null where the bundler may decide. It then puts a
 * module where it is used: in an entry, or in the file of a module that is loaded at its first use.
 */
export function chunks(graph) {
  const { early, shared } = survey(graph)
  return (id) => {
    const { isEntry, importers } = graph.of(id)
    // An entry exports what its source exports, so it holds nothing that others need.
    if (isEntry || !early.has(id)) return null
    const apart = APART.find(({ modules }) => modules.test(pathOf(id)))
    if (apart !== undefined) return apart.chunk
    const [, area] = /^protocol\/(.+)\.ts$/.exec(pathOf(id) ?? '') ?? []
    if (area !== undefined && shared.has(area)) return area
    // What only one folder uses is in its file: other numbers of the seam, and parts of the base.
    const users = new Set(importers.filter((user) => pathOf(user) !== undefined).map((user) => folderOf(user) ?? '.'))
    const folder = (folderOf(id) ?? '.') === '.' && users.size === 1 ? [...users][0] : (folderOf(id) ?? '.')
    if (folder === '.') return 'base'
    return shared.has(folder) ? folder : null
  }
}
