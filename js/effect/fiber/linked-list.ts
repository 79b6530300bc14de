/** Something that stands in a list of its kind. */
export interface Linked<T> {
  previous: T | undefined
  next: T | undefined
}

/** A list that an item leaves without a search, in order of joining. */
export class Siblings<T extends Linked<T>> {
  last: T | undefined
  size = 0

  add(item: T): void {
    item.previous = this.last
    item.next = undefined
    if (this.last !== undefined) this.last.next = item
    this.last = item
    this.size++
  }

  remove(item: T): void {
    if (item.next === undefined) this.last = item.previous
    else item.next.previous = item.previous
    if (item.previous !== undefined) item.previous.next = item.next
    item.previous = undefined
    item.next = undefined
    this.size--
  }

  /** The last one first. */
  reversed(): T[] {
    const all: T[] = []
    for (let item = this.last; item !== undefined; item = item.previous) all.push(item)
    return all
  }
}
