/** The package `@opentelemetry/api`: missing, or there in two copies. */
import { describe, expect, it } from 'vitest'

import { runToEnd } from '../support/own-process.ts'

/** Makes `require('@opentelemetry/api')` of this package find another package, or none. */
const redirect = (to: string): string => `
  const BROKEN = 'broken'
  const Module = require('node:module')
  const resolve = Module._resolveFilename
  Module._resolveFilename = function (request, parent, ...rest) {
    const isOurs = request === '@opentelemetry/api' && parent?.filename.includes('dist')
    if (isOurs && ${JSON.stringify(to)} === BROKEN) throw Object.assign(new Error('broken'), { code: 'EBROKEN' })
    return resolve.call(this, isOurs ? ${JSON.stringify(to)} : request, parent, ...rest)
  }
`

/** Registers the SDK in one copy of the API, makes a call inside a span, and prints the spans. */
const traced = (copy: string): string => `
  const { context, trace } = require(${JSON.stringify(copy)})
  const { AsyncLocalStorageContextManager } = require('@opentelemetry/context-async-hooks')
  const { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-base')
  const exporter = new InMemorySpanExporter()
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const { instrument } = require('keelson/opentelemetry')
  const { GenServer } = require('keelson/otp')
  const { getDefaultSystem } = require('keelson/system')
  ;(async () => {
    const { close } = instrument()
    const ref = await GenServer.start({ init: () => 0, handleCall: (message, state) => [message, state] })
    const reply = await trace.getTracer('test').startActiveSpan('test', async (span) => {
      const found = await GenServer.call(ref, 'm')
      span.end()
      return found
    })
    close()
    const spans = exporter.getFinishedSpans()
    const names = new Map(spans.map((span) => [span.spanContext().spanId, span.name]))
    const shown = spans.map(({ name, parentSpanContext }) => [name, names.get(parentSpanContext?.spanId)])
    console.log(JSON.stringify({ reply, shown }))
    await getDefaultSystem().close()
    over()
  })()
`
const tree = [
  ['handle GenServer', 'call GenServer'],
  ['call GenServer', 'test'],
  ['test', null],
]

describe('22 @opentelemetry/api', () => {
  it('22 missing: instrument throws one typed error that says what to install, and nothing else fails', () => {
    const { status, stdout, stderr } = runToEnd(`
      ${redirect('no-such-package')}
      const { instrument } = require('keelson/opentelemetry')
      const told = ({ code, packages, message }) => console.log(JSON.stringify([code, packages, message]))
      try { instrument() } catch (error) { told(error) }
      import('keelson/opentelemetry').then((entry) => entry.instrument()).catch(told).then(over)
    `)
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const error = [
      'KEELSON_DEPENDENCY_MISSING',
      ['@opentelemetry/api'],
      'instrument of keelson/opentelemetry needs @opentelemetry/api: npm install @opentelemetry/api',
    ]
    const lines = stdout.trim().split('\n')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([error, error])
  })

  it('22 broken: what it throws is thrown as it is', () => {
    const { stdout } = runToEnd(`
      ${redirect('broken')}
      try { require('keelson/opentelemetry').instrument() } catch (error) { console.log(error.code, error.message) }
      over()
    `)
    expect(stdout.trim()).toBe('EBROKEN broken')
  })

  it('22 in one copy: spans of the program and of keelson are in one trace', () => {
    const { stdout, stderr } = runToEnd(traced('@opentelemetry/api'))
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({ reply: 'm', shown: tree })
  })

  it('22 in two copies: a program with a newer one has the same spans', () => {
    const { stdout, stderr } = runToEnd(traced('opentelemetry-api-newer'))
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({ reply: 'm', shown: tree })
  })

  it('22 in two copies: with an older one than that of keelson there are no spans of keelson, and calls work', () => {
    const { stdout } = runToEnd(`${redirect('opentelemetry-api-newer')} ${traced('@opentelemetry/api')}`)
    expect(JSON.parse(stdout)).toEqual({ reply: 'm', shown: [['test', null]] })
  })

  it('without an SDK: nothing is recorded, and nothing breaks', () => {
    const { status, stdout } = runToEnd(`
      const { instrument } = require('keelson/opentelemetry')
      const { EventBus, GenServer } = require('keelson/otp')
      const { getDefaultSystem } = require('keelson/system')
      ;(async () => {
        instrument({ castSpans: 'parent' })
        const ref = await GenServer.start({
          init: () => 0,
          handleCall: (message, n) => [n, n],
          handleCast: (message, n) => n + 1,
        })
        const bus = await EventBus.start()
        await EventBus.subscribe(bus, 'a.*', ref)
        EventBus.publish(bus, 'a.b', 1)
        GenServer.cast(ref, 1)
        await EventBus.publishSync(bus, 'a.b', 1)
        console.log(await GenServer.call(ref, 'get'))
        await getDefaultSystem().close()
        over()
      })()
    `)
    expect(status).toBe(0)
    expect(stdout.trim()).toBe('3')
  })
})
