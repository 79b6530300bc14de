/** Finds races: runs a program many times with other orders and faults, and repeats the run that fails. */
export { explore, replay, simulate } from './explore.ts'
export {
  isNondeterminismError,
  isPropertyError,
  isRealWorldError,
  isReplayDivergedError,
  isReplayFileError,
  isSimulationStuckError,
  NondeterminismError,
  PropertyError,
  RealWorldError,
  ReplayDivergedError,
  ReplayFileError,
  SimulationStuckError,
} from './errors.ts'
export type {
  CrashableRef,
  Faults,
  ScheduleName,
  SettleOptions,
  Simulation,
  SimulationChoice,
  SimulationClock,
  SimulationEvent,
  SimulationFailure,
  SimulationOptions,
  SimulationProgram,
  SimulationResult,
} from './types.ts'
