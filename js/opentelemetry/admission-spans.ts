/** Spans of requests for admission that wait or are refused. One that is admitted at once takes no time. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'

import type { Span, Tracer as SpanMaker } from '@opentelemetry/api'

import type { AdmissionTrace } from '../atrion/admission-trace.ts'
import type { System } from '../system/system.ts'
import type { Api } from './api.ts'
import { failSpan } from './span-tracer.ts'

const END = 'tracing:keelson:admission:end'
const SETTLED = 'tracing:keelson:admission:asyncEnd'

/** Makes spans of the requests for admission of a system, until the returned function is called. */
export function followAdmissions(api: Api, system: System, spans: SpanMaker): () => void {
  const waiting = new WeakMap<AdmissionTrace, Span>()
  const start = (trace: AdmissionTrace): Span => {
    const { route, voltage, shadow } = trace
    const attributes = { 'keelson.route': route, 'keelson.voltage': voltage, 'keelson.shadow': shadow }
    return spans.startSpan(`admit ${route}`, { kind: api.SpanKind.INTERNAL, attributes }, api.context.active())
  }
  const onEnd = (message: unknown): void => {
    const trace = message as AdmissionTrace
    if (trace.system !== system || trace.result?.allow === true) return
    const span = start(trace)
    if (trace.result === undefined && trace.error === undefined) waiting.set(trace, span)
    else finish(api, span, trace)
  }
  const onSettled = (message: unknown): void => {
    const span = waiting.get(message as AdmissionTrace)
    if (span !== undefined) finish(api, span, message as AdmissionTrace)
  }
  subscribe(END, onEnd)
  subscribe(SETTLED, onSettled)
  return () => {
    unsubscribe(END, onEnd)
    unsubscribe(SETTLED, onSettled)
  }
}

function finish(api: Api, span: Span, { result, error }: AdmissionTrace): void {
  if (result === undefined) {
    failSpan(api, span, error)
  } else if (result.allow) {
    span.setAttribute('keelson.admission.outcome', 'admitted')
  } else {
    span.setAttributes({ 'keelson.admission.outcome': 'shed', 'error.type': result.reason })
    span.setStatus({ code: api.SpanStatusCode.ERROR, message: result.reason })
  }
  span.end()
}
