/**
 * Closes objects of the core: when their owner closes, or when the garbage collector takes an owner that never did.
 *
 * A module has one instance for each kind of object. An object is closed once.
 */
export class NativeHandles<Handle = number> {
  readonly #close: (handle: Handle) => unknown
  readonly #registry: FinalizationRegistry<Handle>

  /** @param close Closes an object of the core. Must not throw. */
  constructor(close: (handle: Handle) => unknown) {
    this.#close = close
    this.#registry = new FinalizationRegistry(close)
  }

  /** Closes the handle once its owner is garbage. Returns the handle. */
  own(owner: object, handle: Handle): Handle {
    this.#registry.register(owner, handle, owner)
    return handle
  }

  /** Closes the handle now. Call it once for each owner. */
  close(owner: object, handle: Handle): void {
    this.#registry.unregister(owner)
    this.#close(handle)
  }
}
