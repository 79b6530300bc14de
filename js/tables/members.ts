/** The least number of members between two sweeps. */
const SWEEP = 64

/** A member and its number among those of its system, in order of creation. */
export interface Member<T, Note> {
  readonly number: number
  readonly item: T
  /** What was said of it when it was added. */
  readonly note: Note
}

/** The members of one system. */
class MemberList<T extends object, Note> {
  readonly refs: WeakRef<T>[] = []
  readonly numbers: number[] = []
  readonly notes: Note[] = []
  #sweepAt = SWEEP
  #last = 0

  add(item: T, note: Note, isGone: (item: T) => boolean): number {
    if (this.refs.length >= this.#sweepAt) this.#sweep(isGone)
    this.refs.push(new WeakRef(item))
    this.notes.push(note)
    this.numbers.push(++this.#last)
    return this.#last
  }

  /** Drops the places of members that are garbage or gone. Each place is looked at a few times at most. */
  #sweep(isGone: (item: T) => boolean): void {
    const { notes, numbers, refs } = this
    let kept = 0
    for (let index = 0; index < refs.length; index++) {
      const item = (refs[index] as WeakRef<T>).deref()
      if (item === undefined || isGone(item)) continue
      refs[kept] = refs[index] as WeakRef<T>
      notes[kept] = notes[index] as Note
      numbers[kept++] = numbers[index] as number
    }
    refs.length = notes.length = numbers.length = kept
    this.#sweepAt = Math.max(SWEEP, kept * 2)
  }
}

/**
 * Finds the objects of one kind by their system, in order of creation. Holds them weakly: an object that nothing else
 * refers to goes.
 */
export class Members<T extends object, Note = undefined> {
  readonly #lists = new WeakMap<object, MemberList<T, Note>>()
  readonly #isGone: (item: T) => boolean

  /** @param isGone Returns true for an object that was closed, which is not listed any more. Must not throw. */
  constructor(isGone: (item: T) => boolean = () => false) {
    this.#isGone = isGone
  }

  /** Adds an object. Returns its number among those of its system. */
  add(system: object, item: T, note: Note): number {
    let list = this.#lists.get(system)
    if (list === undefined) this.#lists.set(system, (list = new MemberList()))
    return list.add(item, note, this.#isGone)
  }

  /** Returns the objects of a system that are alive. */
  of(system: object): Member<T, Note>[] {
    const list = this.#lists.get(system)
    const members: Member<T, Note>[] = []
    if (list === undefined) return members
    for (const [index, ref] of list.refs.entries()) {
      const item = ref.deref()
      if (item === undefined || this.#isGone(item)) continue
      members.push({ number: list.numbers[index] as number, item, note: list.notes[index] as Note })
    }
    return members
  }
}
