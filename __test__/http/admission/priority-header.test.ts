import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

import express from 'express'
import { Atrion, createSystem } from 'keelson'
import { admission, priorityFromHeader, type TierOptions } from 'keelson/express'
import { describe, expect, it, onTestFinished } from 'vitest'

const asked = (address: string | undefined, tier?: string, header = 'x-atrion-tier') => ({
  headers: tier === undefined ? {} : { [header]: tier },
  socket: { remoteAddress: address },
})
const voltages = { critical: 100, high: 80, normal: 60, low: 40, bulk: 25 }

describe('priorityFromHeader', () => {
  it('trusts nobody by default', () => {
    const priority = priorityFromHeader()
    for (const tier of Object.keys(voltages)) expect(priority(asked('127.0.0.1', tier))).toBe(60)
    expect(priority({ headers: { 'x-atrion-tier': 'critical', 'x-forwarded-for': '127.0.0.1' } })).toBe(60)
  })

  it.each(Object.entries(voltages))('maps %s of a trusted peer to %d V', (tier, voltage) => {
    const priority = priorityFromHeader({ trust: ['10.0.0.0/8', '::1'] })
    expect(priority(asked('10.1.2.3', tier))).toBe(voltage)
    expect(priority(asked('::ffff:10.1.2.3', tier))).toBe(voltage)
    expect(priority(asked('::1', tier))).toBe(voltage)
    expect(priority({ headers: { 'x-atrion-tier': tier }, raw: { socket: { remoteAddress: '10.1.2.3' } } })).toBe(
      voltage,
    )
    for (const other of ['11.0.0.1', '::2', undefined, 'nonsense']) expect(priority(asked(other, tier))).toBe(60)
  })

  it('takes what is no tier for nothing, has a ceiling, and another header or trust', () => {
    const priority = priorityFromHeader({ trust: () => true, header: 'X-Tier', ceiling: 'high', otherwise: 'low' })
    expect(priority(asked('1.1.1.1', 'critical', 'x-tier'))).toBe(80)
    for (const tier of ['vip', '', 'toString', '100', undefined]) {
      expect(priority(asked('1.1.1.1', tier, 'x-tier'))).toBe(40)
    }
    expect(priority({ headers: { 'x-tier': ['critical', 'critical'] } })).toBe(40)
  })

  it.each([
    [{ trust: 'all' }, 'options.trust'],
    [{ trust: [5] }, 'options.trust[0]'],
    [{ trust: ['::1', '10.0.0.0/33'] }, 'options.trust[1]'],
    [{ trust: ['10.0.0.0/8/8'] }, 'options.trust[0]'],
    [{ trust: ['10.0.0.0/'] }, 'options.trust[0]'],
    [{ trust: ['localhost'] }, 'options.trust[0]'],
    [{ header: '' }, 'options.header'],
    [{ ceiling: 'vip' }, 'options.ceiling'],
    [{ otherwise: -1 }, 'options.otherwise'],
    [{ trusted: [] }, 'options.trusted'],
  ])('refuses %j', (options, field) => {
    expect(() => priorityFromHeader(options as TierOptions)).toThrow(
      expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field }),
    )
  })

  it.each([
    [undefined, 60],
    [['127.0.0.1', '::1'], 100],
  ])('sets the voltage of a request through Express when %j is trusted', async (trust, voltage) => {
    const system = createSystem()
    const atrion = new Atrion({ system })
    const app = express()
    app.use(admission({ atrion, name: 'app', priority: priorityFromHeader({ trust }) }))
    app.get('/', (_, res) => void res.send('ok'))
    const server = createServer(app).listen(0, '127.0.0.1')
    onTestFinished(async () => {
      server.close()
      await system.close()
    })
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) =>
      request({ port, host: '127.0.0.1', headers: { 'X-Atrion-Tier': 'critical' } }, (res) =>
        res.resume().on('end', resolve),
      ).end(),
    )
    expect(atrion.why('app')?.voltage).toBe(voltage)
  })
})
