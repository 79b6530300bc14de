// Tables of options for the pages, from the doc comments of the built declarations: the unit, the default and the
// meaning of each option stand once, beside its type.
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

import { entries } from './entries.mjs'
import { Failure } from './failure.mjs'
import { at } from './paths.mjs'

/** The compiler. A fresh clone imports this file before it has installed anything. */
const compiler = () => createRequire(import.meta.url)('typescript/unstable/sync')

/** Types of options that have another ending. */
const OTHERS =
  /^(?:HalfOpen|OpenFor|RetryPolicy|RepeatPolicy|SchedulePolicy|RestartBackoff|RestartIntensity|SupervisionStrategy|Slo|Telemetry|TicketOutcome|Heartbeat|WorkloadProfile|LimiterReservoir|HttpRateLimitWindow|SagaStep)$/

/** Returns whether a type is one of options. */
export const isOptions = (name) => /(?:Options|Spec|Config)$/.test(name) || OTHERS.test(name)

/** The texts that an option takes, the parameters with which a function of yours is called, and whether it is a number. */
function shapeOf(checker, type) {
  const { SignatureKind } = compiler()
  const parts = type.isUnionType() ? type.getTypes() : [type]
  const values = parts.filter((part) => part.isStringLiteralType()).map(({ value }) => `'${value}'`)
  const signatures = parts.flatMap((part) => checker.getSignaturesOfType(part, SignatureKind.Call))
  const parameters = signatures.map((signature) => signature.getParameters().map(({ name }) => name))
  return {
    values,
    parameters: parameters.toSorted((one, other) => other.length - one.length)[0],
    isNumber: parts.some((part) => /^(?:number|Millis)$/.test(checker.typeToString(part))),
  }
}

function membersOf(checker, symbol) {
  const { SymbolFlags } = compiler()
  const type = checker.getDeclaredTypeOfSymbol(symbol)
  if (type === undefined || type.isUnionType()) return []
  return checker
    .getPropertiesOfType(type)
    .filter(({ name }) => !name.startsWith('__'))
    .map((property) => ({
      shape: shapeOf(checker, checker.getTypeOfSymbol(property)),
      name: property.name,
      isOptional: (property.flags & SymbolFlags.Optional) !== 0,
      doc: property.getDocumentationComment(checker).replaceAll(/\s+/g, ' ').trim(),
    }))
}

function readTypes() {
  const { API, SymbolFlags } = compiler()
  const folder = at('.cache', 'option-tables')
  mkdirSync(folder, { recursive: true })
  const files = entries()
    .filter(({ folder: entry }) => entry !== '.')
    .map(({ folder: entry }) => ({ entry, file: at('dist', entry, 'index.d.ts') }))
  const config = `${folder}/tsconfig.json`
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: 'nodenext',
    lib: ['ESNext'],
    types: ['node'],
    skipLibCheck: true,
  }
  writeFileSync(config, JSON.stringify({ compilerOptions, files: files.map(({ file }) => file) }))
  const api = new API({ cwd: at() })
  try {
    const [project] = api.updateSnapshot({ openProjects: [config] }).getProjects()
    const { checker, program } = project
    return files.flatMap(({ entry, file }) =>
      checker
        .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)))
        .filter(({ name }) => isOptions(name))
        .map((exported) => {
          const symbol = exported.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
          const [declaration] = symbol.declarations
          return { entry, name: exported.name, file: String(declaration?.path), members: membersOf(checker, symbol) }
        })
        .filter(({ members }) => members.length > 0),
    )
  } finally {
    api.close()
  }
}

let known
/** Every exported type of options: `{ entry, name, file, members: [{ name, isOptional, doc, shape }] }`. */
export const optionTypes = () => (known ??= readTypes())

/** `StartOptions`, or `fastify RequestJournalOptions` where several entries have one of the name. */
function typeOf(text) {
  const [name, entry] = text.trim().split(' ').toReversed()
  const found = optionTypes().find((type) => type.name === name && (entry === undefined || type.entry === entry))
  if (found === undefined) throw new Failure(`No entry exports a type of options called ${text}.`)
  return found
}

/** Splits a doc comment into sentences. A full stop within code or brackets ends none. */
function sentencesOf(text) {
  const found = []
  let depth = 0
  let isCode = false
  let start = 0
  for (let index = 0; index < text.length; index++) {
    const letter = text[index]
    if (letter === '`') isCode = !isCode
    else if (!isCode && letter === '(') depth++
    else if (!isCode && letter === ')') depth--
    if (isCode || depth > 0 || letter !== '.' || !/^(?: [^a-z]|$)/.test(text.slice(index + 1, index + 3))) continue
    found.push(text.slice(start, index + 1).trim())
    start = index + 1
  }
  return start < text.length ? [...found, text.slice(start).trim()] : found
}

const LONGEST_DEFAULT = 60
const asCode = (value) => value.replace(/^(true|false|null|Infinity|undefined|0o\d+)(?=$|\W)/, '`$1`')

/** The unit of an option, by its name or by what its doc comment says. */
export function unitOf({ name, doc, shape: { isNumber } }) {
  if (!isNumber) return ''
  const text = doc.replaceAll(/\([^)]*\)/g, '')
  if (name.endsWith('Ms') || /^timeout$|Timeout$/.test(name) || /\bmilliseconds?\b|\bms\b/.test(text)) return 'ms'
  if (name.endsWith('Bytes') || /\bin bytes\b/.test(text)) return 'bytes'
  if (/, (?:in )?ohms(?! per)\b/.test(text)) return 'Ω'
  if (/\bpercent(?:age)?\b/.test(text)) return '%'
  return /voltage/i.test(name) ? 'V' : ''
}

/** The default of an option as its doc comment states it, and the rest of the comment. */
export function defaultOf({ doc, isOptional }) {
  const sentences = sentencesOf(doc)
  const place = sentences.findIndex((sentence) => /^Defaults?[ :,]/.test(sentence))
  if (place === -1) {
    if (!isOptional) return { value: 'required', rest: doc }
    const [, inline] = /(`'[^`]+'`)(?:, the default| \(default\))/.exec(doc) ?? []
    return { value: inline ?? 'none', rest: doc }
  }
  const value = sentences[place].replace(/^Defaults?[:,]? /, '').replace(/\.$/, '')
  if (value.length <= LONGEST_DEFAULT) return { value: asCode(value), rest: sentences.toSpliced(place, 1).join(' ') }
  // The value without its explanation, which stays with the meaning.
  const short = /^(?:`[^`]+`|[^`:;,(])+?(?=[:;,]| \(|$)/.exec(value)?.[0] ?? value
  return { value: asCode(short), rest: doc }
}

/** The meaning of an option: with the values that its comment does not name, and how a function of yours is called. */
function meaningOf({ name, doc, shape: { values, parameters } }, rest) {
  const isNamed = values.every((value) => doc.includes(value))
  const list = values.map((value) => `\`${value}\``)
  const oneOf = isNamed ? '' : ` Values: ${list.join(', ')}.`
  const call =
    parameters === undefined || parameters.length === 0 ? '' : ` Called as \`${name}(${parameters.join(', ')})\`.`
  return `${rest}${oneOf}${call}`.trim()
}

const cell = (text) => text.replaceAll('|', '\\|')

/** The table of some types: `StartOptions`, `CacheOptions, SharedCacheOptions`, `RetryOptions without PolicyOptions`. */
export function optionTable(spec) {
  const [wanted, left = ''] = spec.split(' without ')
  const without = new Set(
    left
      .split(',')
      .filter((name) => name !== '')
      .flatMap((name) => typeOf(name).members.map((member) => member.name)),
  )
  const members = new Map()
  for (const name of wanted.split(',')) {
    for (const member of typeOf(name).members) {
      if (!without.has(member.name) && !members.has(member.name)) members.set(member.name, member)
    }
  }
  const rows = [...members.values()].map((member) => {
    const { value, rest } = defaultOf(member)
    return { name: member.name, value, unit: unitOf(member), meaning: meaningOf(member, rest) }
  })
  const hasUnits = rows.some(({ unit }) => unit !== '')
  const columns = ['Option', ...(hasUnits ? ['Unit'] : []), 'Default', 'Meaning']
  const lines = rows.map(({ name, unit, value, meaning }) =>
    [`\`${name}\``, ...(hasUnits ? [unit] : []), cell(value), cell(meaning)].join(' | '),
  )
  return [columns.join(' | '), columns.map(() => '---').join(' | '), ...lines].map((line) => `| ${line} |`).join('\n')
}
