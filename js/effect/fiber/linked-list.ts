/** A doubly linked list whose links are fields of its items. */

/** An item of a {@link LinkedList}. The links are its own fields. */
export interface Linked<T> {
  previous: T | undefined
  next: T | undefined
}

/** A list in order of adding. Adding and removing take constant time. */
export class LinkedList<T extends Linked<T>> {
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

  /** Returns a copy of the list, the last item first. */
  reversed(): T[] {
    const all: T[] = []
    for (let item = this.last; item !== undefined; item = item.previous) all.push(item)
    return all
  }
}
