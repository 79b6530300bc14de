/** Simulations as values of fast-check, in CommonJS under jest. */
const fc = require('fast-check')
const { simulation, simulationFor } = require('keelson/fast-check')

/** Fails when a choice is at least half of an input that is at least 20. */
const program = (input) => (sim) => {
  if (input >= 20 && sim.choose(100, 'which') * 2 >= input) throw new Error('both')
}

test('an input and a schedule shrink together', async () => {
  const property = fc.asyncProperty(fc.nat(1000), simulation(), async (input, simulated) => {
    await simulated.run(program(input))
  })
  const { failed, counterexample } = await fc.check(property, { seed: 1 })
  const [input, simulated] = counterexample
  expect([failed, input, simulated.choices]).toEqual([true, 20, [10]])
  await expect(simulationFor([10]).run(program(20))).rejects.toThrow(/^simulation failed: both\n/)
})
