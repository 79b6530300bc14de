/** What the functions of `Supervisor`, `PartitionSupervisor` and `Task.Supervisor` use. `lazy.ts` loads it. */
export { checkPolicy, checkSpec } from './options.ts'
export { livingSupervisorOf, supervisorOf, SupervisorProcess } from './process.ts'
export { startSupervisor } from './start.ts'
