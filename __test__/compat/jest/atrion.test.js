const { Atrion } = require('keelson/atrion')
const { createTestSystem } = require('keelson/testing')

test('admission decides on the test system’s time', async () => {
  const system = createTestSystem({ seed: 1 })
  const atrion = new Atrion({ system, admission: { limit: 1 } })
  const running = atrion.run('db', () => system.clock.sleep(20).then(() => 'rows'))
  await system.clock.advance(20)
  expect(await running).toBe('rows')
  const decision = atrion.route('api', { latencyMs: 45, errorRate: 0.01, saturation: 0.3 })
  expect(decision).toStrictEqual({ allow: true, resistance: 12, mode: 'BOOTSTRAP', reason: 'OK' })
  await system.close()
})
