/** The tags of slots, and the slots of tags. */
export class Tags {
  readonly #slots = new Map<string, Set<number>>()
  readonly #tags = new Map<number, readonly string[]>()

  /** Sets the tags of a slot. */
  add(slot: number, tags: readonly string[]): void {
    this.#tags.set(slot, tags)
    for (const tag of tags) {
      let slots = this.#slots.get(tag)
      if (slots === undefined) this.#slots.set(tag, (slots = new Set()))
      slots.add(slot)
    }
  }

  /** Removes the tags of a slot. */
  remove(slot: number): void {
    // Most caches have no tags.
    if (this.#tags.size === 0) return
    const tags = this.#tags.get(slot)
    if (tags === undefined) return
    this.#tags.delete(slot)
    for (const tag of tags) {
      const slots = this.#slots.get(tag)
      slots?.delete(slot)
      if (slots?.size === 0) this.#slots.delete(tag)
    }
  }

  /** Returns the tags of a slot; `undefined` for none. */
  tagsOf(slot: number): readonly string[] | undefined {
    return this.#tags.get(slot)
  }

  /** Returns the slots with a tag, in order of adding. */
  slotsOf(tag: string): number[] {
    return [...(this.#slots.get(tag) ?? [])]
  }

  clear(): void {
    this.#slots.clear()
    this.#tags.clear()
  }
}
