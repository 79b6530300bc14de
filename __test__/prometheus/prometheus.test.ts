import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import expressApp from 'express'
import fastifyApp from 'fastify'
import { Atrion } from 'keelson/atrion'
import { circuitBreaker } from 'keelson/effect'
import { Cache, GenServer } from 'keelson/otp'
import { metricsHandler, metricsText } from 'keelson/prometheus'
import { createTestSystem } from 'keelson/testing'
// @ts-expect-error: the package has no types
import parse from 'parse-prometheus-text-format'
import { collectDefaultMetrics, Counter, Registry } from 'prom-client'
import { expect, test } from 'vitest'

import { ask, work } from '../support/observed.ts'
import { parseExposition } from '../support/exposition.ts'

/** A family as the parser of another project returns it. */
interface ParsedFamily {
  readonly name: string
  readonly metrics: readonly { readonly value?: string }[]
}

const counter = {
  init: () => 0,
  handleCall: (_: unknown, n: number) => [n, n] as const,
  handleCast: (_: unknown, n: number) => n + 1,
}

test('shows processes, routes, policies and caches of a system, and only of it', async () => {
  const system = createTestSystem()
  const other = createTestSystem()
  await GenServer.start(counter, { system: other })
  const ref = await GenServer.start(counter, { system })
  for (let sent = 0; sent < 5; sent++) GenServer.cast(ref, sent)
  await GenServer.call(ref, 'all')
  const gate = new Atrion({ system })
  work(gate, 'checkout')
  work(gate, 'checkout', false)
  const policy = circuitBreaker({ system, name: 'db', consecutive: 1 })
  await policy.execute(() => 1)
  const cache = await Cache.start({ system, name: 'users' })
  Cache.set(cache, 'a', 1)
  Cache.get(cache, 'a')
  const { value } = parseExposition(metricsText(system))
  expect(value('keelson_processes', { kind: 'GenServer' })).toBe(1)
  expect(value('keelson_messages_total')).toBe(6)
  expect(value('keelson_supervisor_restarts_total')).toBe(0)
  expect(value('keelson_admission_admitted_total', { route: 'checkout' })).toBe(2)
  expect(value('keelson_resistance_ohms', { route: 'checkout' })).toBeGreaterThan(0)
  expect(value('keelson_policy_calls_total', { policy: 'db' })).toBe(1)
  expect(value('keelson_cache_hits_total', { cache: 'users' })).toBe(1)
  await Promise.all([system.close(), other.close()])
  expect(() => metricsText(system)).toThrow(expect.objectContaining({ code: 'KEELSON_CLOSED' }))
})

test('pitfall 19: label values from users are escaped and capped (`other`)', async () => {
  const system = createTestSystem()
  const gate = new Atrion({ system })
  const strange = 'a"b\\c\nd{e="f"} 1'
  work(gate, strange)
  for (let route = 0; route < 1005; route++) work(gate, `route ${route}`)
  const { value, families } = parseExposition(metricsText(system))
  expect(value('keelson_admission_admitted_total', { route: strange })).toBe(1)
  expect(families.get('keelson_admission_admitted_total')?.samples).toHaveLength(1001)
  expect(value('keelson_admission_admitted_total', { route: 'other' })).toBe(6)
  await system.close()
})

test('counters only grow, also when their object is gone', async () => {
  const system = createTestSystem()
  const gate = new Atrion({ system })
  work(gate, 'work')
  const read = (): number =>
    parseExposition(metricsText(system)).value('keelson_admission_admitted_total', { route: 'work' })
  expect(read()).toBe(1)
  gate.close()
  expect(read()).toBe(1)
  work(new Atrion({ system }), 'work')
  expect(read()).toBe(2)
  await system.close()
})

const register = {
  contentType: 'text/plain; version=0.0.4; charset=utf-8',
  metrics: () => Promise.resolve('# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1\n'),
}

test('the handler answers in Express and in Fastify, with a given registry behind', async () => {
  const system = createTestSystem()
  const express = expressApp()
  express.get('/metrics', metricsHandler(system, { register }))
  const server = createServer(express)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const answer = await ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`)
  server.close()
  const fastify = fastifyApp()
  fastify.get('/metrics', metricsHandler(system, { register }))
  const reply = await fastify.inject({ url: '/metrics' })
  await fastify.close()
  for (const { type, body } of [
    { type: answer.headers['content-type'], body: answer.body },
    { type: reply.headers['content-type'], body: reply.body },
  ]) {
    expect(type).toBe('text/plain; version=0.0.4; charset=utf-8')
    const { value, families } = parseExposition(body)
    expect(value('process_cpu_seconds_total')).toBe(1)
    // Those of prom-client are its own.
    expect([...families.keys()].filter((name) => !/^keelson_|^process_cpu/.test(name))).toEqual([])
  }
  await system.close()
})

test('another parser reads it together with the default metrics of prom-client, none of which is defined twice', async () => {
  const system = createTestSystem()
  work(new Atrion({ system }), 'checkout')
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  new Counter({ name: 'orders_total', help: 'Orders.', registers: [registry] }).inc(3)
  const bodies: string[] = []
  const response = { header: () => {}, send: (body: string) => bodies.push(body) }
  await metricsHandler(system, { register: registry })({}, response)
  const families = parse(bodies[0] as string) as ParsedFamily[]
  const names = families.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  const valueOf = (name: string): unknown => families.find((family) => family.name === name)?.metrics[0]?.value
  expect([valueOf('keelson_admission_admitted_total'), valueOf('orders_total')]).toEqual(['1', '3'])
  expect(valueOf('process_resident_memory_bytes')).toBeDefined()
  await system.close()
})

test('an error of the registry goes to next, or rejects', async () => {
  const system = createTestSystem()
  const failing = { metrics: () => Promise.reject(new Error('no metrics')) }
  const handler = metricsHandler(system, { register: failing })
  const response = { header: () => {}, send: () => {} }
  await expect(handler({}, response)).rejects.toThrow('no metrics')
  const passed: unknown[] = []
  await handler({}, response, (error) => passed.push(error))
  expect(passed).toEqual([expect.objectContaining({ message: 'no metrics' })])
  await system.close()
})

test.each([
  [{ register: {} }, 'options.register.metrics'],
  [{ register: { ...register, contentType: 'application/openmetrics-text; version=1.0.0' } }, 'options.register'],
  [{ registry: register }, 'options.registry'],
])('refuses %j', (options, field) => {
  expect(() => metricsHandler(options as never)).toThrow(expect.objectContaining({ field }))
})
