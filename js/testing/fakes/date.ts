/** `Date`, on a clock. */

/** Returns a `Date` whose present is the time that `now` returns. It shares its prototype with the host's `Date`. */
export function fakeDate(host: DateConstructor, isActive: () => boolean, now: () => number): DateConstructor {
  const present = (): number => (isActive() ? Math.floor(now()) : host.now())
  const construct = function Date(this: unknown, ...args: unknown[]): unknown {
    if (new.target === undefined) return new host(present()).toString()
    const values = args.length === 0 ? [present()] : args
    // A subclass gets an instance of its own.
    return Reflect.construct(host, values, new.target === construct ? host : new.target)
  } as unknown as DateConstructor
  // What others have added to the host's `Date` is found.
  Object.setPrototypeOf(construct, host)
  const hidden = { enumerable: false, configurable: true }
  Object.defineProperties(construct, {
    length: { value: host.length, ...hidden },
    prototype: { value: host.prototype, writable: false },
    now: { value: present, writable: true, ...hidden },
    parse: { value: host.parse, writable: true, ...hidden },
    UTC: { value: host.UTC, writable: true, ...hidden },
    toString: { value: () => Function.prototype.toString.call(host), writable: true, ...hidden },
    // By this sign other fake timers see that time is replaced already.
    isFake: { value: true, ...hidden },
  })
  Object.defineProperty(present, 'name', { value: 'now' })
  return construct
}
