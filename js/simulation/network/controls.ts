import { InvalidArgumentError } from '../../errors/errors.ts'
import { flag, isList, known, options as checkOptions } from '../../internal/validate.ts'
import type { PartitionOptions, SimulationNetwork } from '../types.ts'
import type { SimulatedNetwork } from './network.ts'

/** The parts of a run that its network's controls use. */
interface ControlledRun {
  readonly network: SimulatedNetwork
  assertRunning(): void
  nodeOf(field: string, system: unknown): { readonly name: string }
}

/** Returns the network of a run as its program sees it. It checks arguments, and the network decides. */
export function controlsOf(run: ControlledRun): SimulationNetwork {
  return {
    partition: (a, b, options) => partition(run, a, b, options),
    heal: () => {
      run.assertRunning()
      run.network.heal()
    },
  }
}

function partition(run: ControlledRun, a: unknown, b: unknown, options: PartitionOptions | undefined): void {
  run.assertRunning()
  const settings = checkOptions('options', options)
  known('options', settings, ['oneWay'])
  const isOneWay = flag('options.oneWay', false, settings.oneWay)
  const [first, second] = [sideOf(run, 'a', a), sideOf(run, 'b', b)]
  if (second.some((name) => first.includes(name))) {
    throw new InvalidArgumentError('b', 'without a node of `a`: no node can be parted from itself', b)
  }
  for (const one of first) for (const other of second) run.network.part(one, other, isOneWay)
}

/** Returns the names of the nodes of a side. */
function sideOf(run: ControlledRun, field: string, side: unknown): string[] {
  if (!isList(side)) return [run.nodeOf(field, side).name]
  if (side.length === 0) throw new InvalidArgumentError(field, 'at least one system of this simulation', side)
  return side.map((system, index) => run.nodeOf(`${field}[${index}]`, system).name)
}
