const said = new Set<string>()

/** Warns, once in a thread, that an option which is accepted does nothing here. */
export function sayOnce(option: string, why: string): void {
  if (said.has(option)) return
  said.add(option)
  process.emitWarning(`${option} has no effect: ${why}`, { type: 'KeelsonWarning', code: 'KEELSON_NO_EFFECT' })
}
