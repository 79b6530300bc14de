/** Simulations as values of fast-check: the inputs of a program and its schedule shrink together. Needs `fast-check`. */
export { simulation, type SimulationArbitrary, simulationFor } from './arbitrary.ts'
export type { GivenRunOptions, SimulatedRunOptions } from './options.ts'
export type { SimulatedRun } from './simulated-run.ts'
