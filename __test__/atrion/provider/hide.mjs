// Makes packages look as if they were not installed: those named in HIDE.
import { register } from 'node:module'

const source = `
const hidden = ${JSON.stringify((process.env.HIDE ?? '').split(','))}
export function resolve(name, context, next) {
  if (!hidden.includes(name)) return next(name, context)
  throw Object.assign(new Error('Cannot find package ' + name), { code: 'ERR_MODULE_NOT_FOUND' })
}`
register(`data:text/javascript,${encodeURIComponent(source)}`)
