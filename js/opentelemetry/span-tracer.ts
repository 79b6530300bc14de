import type { Attributes, Context, Link, Span, Tracer as SpanMaker } from '@opentelemetry/api'

import { messageTypeOf } from '../actor/crash-reports.ts'
import type { HandlerKind, HandlerSpan, Tracer, TraceTarget } from '../internal/tracer.ts'
import { isError, textOf } from '../internal/thrown-values.ts'
import type { Api } from './api.ts'
import type { EventCounts } from './event-counts.ts'

/** Marks a span as failed. */
export function failSpan(api: Api, span: Span, error: unknown): void {
  span.setStatus({ code: api.SpanStatusCode.ERROR, message: textOf(error) })
  span.setAttribute('error.type', errorTypeOf(error))
  span.recordException(isError(error) ? error : textOf(error))
}

/** Returns the code of an error, or the name of its class. */
function errorTypeOf(error: unknown): string {
  const { code, name } = Object(error) as { readonly code?: unknown; readonly name?: unknown }
  if (typeof code === 'string' && code !== '') return code
  return typeof name === 'string' && name !== '' ? name : typeof error
}

/** Makes a span of each call and of each run of a handler. */
export class SpanTracer implements Tracer {
  readonly #api: Api
  readonly #spans: SpanMaker
  readonly #castSpans: 'link' | 'parent'
  readonly #counts: EventCounts

  constructor(api: Api, spans: SpanMaker, castSpans: 'link' | 'parent', counts: EventCounts) {
    this.#api = api
    this.#spans = spans
    this.#castSpans = castSpans
    this.#counts = counts
  }

  capture(): Context {
    return this.#api.context.active()
  }

  attached<T>(origin: unknown, body: () => T): T {
    return this.#api.context.with((origin as Context | undefined) ?? this.#api.ROOT_CONTEXT, body)
  }

  detached<T>(body: () => T): T {
    return this.#api.context.with(this.#api.ROOT_CONTEXT, body)
  }

  call<T>(target: TraceTarget, message: () => unknown, begin: () => Promise<T>): Promise<T> {
    const outer = this.#api.context.active()
    const span = this.#start(`call ${target.className}`, attributesOf(target, 'call'), outer)
    const promise = this.#api.context.with(this.#api.trace.setSpan(outer, span), begin)
    setType(span, message())
    return promise.then(
      (reply) => {
        span.end()
        return reply
      },
      (error: unknown) => {
        failSpan(this.#api, span, error)
        span.end()
        throw error
      },
    )
  }

  handler(target: TraceTarget, kind: HandlerKind, message: unknown, origin: unknown): HandlerSpan {
    this.#counts.message(target.className, kind)
    const sender = (origin as Context | undefined) ?? this.#api.ROOT_CONTEXT
    const isChild = kind === 'call' || this.#castSpans === 'parent'
    const outer = isChild ? sender : this.#api.ROOT_CONTEXT
    const links = isChild ? [] : linksTo(this.#api, sender)
    const span = this.#start(`handle ${target.className}`, attributesOf(target, kind), outer, links)
    setType(span, message)
    const inner = this.#api.trace.setSpan(outer, span)
    return {
      run: (body) => this.#api.context.with(inner, body),
      failed: (error) => failSpan(this.#api, span, error),
      end: () => span.end(),
    }
  }

  #start(name: string, attributes: Attributes, outer: Context, links: Link[] = []): Span {
    return this.#spans.startSpan(name, { kind: this.#api.SpanKind.INTERNAL, attributes, links }, outer)
  }
}

function linksTo(api: Api, sender: Context): Link[] {
  const context = api.trace.getSpanContext(sender)
  return context !== undefined && api.isSpanContextValid(context) ? [{ context }] : []
}

function attributesOf(target: TraceTarget, kind: HandlerKind): Attributes {
  const attributes: Attributes = { 'keelson.process.id': target.id, 'keelson.message.kind': kind }
  if (target.publicName !== undefined) attributes['keelson.process.name'] = target.publicName
  if (target.topic !== undefined) attributes['keelson.bus.topic'] = target.topic
  if (target.pattern !== undefined) attributes['keelson.bus.pattern'] = target.pattern
  return attributes
}

function setType(span: Span, message: unknown): void {
  const type = messageTypeOf(message)
  if (type !== undefined) span.setAttribute('keelson.message.type', type)
}
