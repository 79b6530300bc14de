/** The owner of everything: a clock, a seeded random source, names, and an owner for errors. */
export type { AuditEvent, AuditJournal } from './audit.ts'
export { getDefaultSystem } from './default.ts'
export { Names } from './names.ts'
export { Random } from './random.ts'
export { type Closable, createSystem, System, type SystemOptions } from './system.ts'
