import { builtin } from '../../internal/builtin.ts'
import type { Random } from '../../system/random.ts'
import type { Replacements } from '../../testing/fakes/replacements.ts'
import type { HostFunction } from '../../testing/fakes/timers.ts'

const HEX = 16

/** HostChance as the host gives it, from the random stream of a run. */
export class HostChance {
  readonly #stream: () => Random | undefined

  /** @param stream Returns the stream of the node that asks; `undefined` while nothing is simulated. */
  constructor(stream: () => Random | undefined) {
    this.#stream = stream
  }

  get isActive(): boolean {
    return this.#stream() !== undefined
  }

  unit(): number {
    return this.#stream()?.next() ?? 0
  }

  below(bound: number): number {
    return this.#stream()?.int(bound) ?? 0
  }

  fill<View extends ArrayBufferView>(view: View, offset = 0, size: number = view.byteLength - offset): View {
    const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, size)
    for (let index = 0; index < bytes.length; index++) bytes[index] = this.below(256)
    return view
  }

  /** Returns a UUID of version 4. */
  uuid(): string {
    const digits = Array.from({ length: 32 }, () => this.below(HEX).toString(HEX))
    digits[12] = '4'
    digits[16] = (8 + this.below(4)).toString(HEX)
    const parts = [
      digits.slice(0, 8),
      digits.slice(8, 12),
      digits.slice(12, 16),
      digits.slice(16, 20),
      digits.slice(20),
    ]
    return parts.map((part) => part.join('')).join('-')
  }
}

/** Answers a callback in the next microtask, or returns the value. */
function answer(callback: unknown, value: unknown): unknown {
  if (typeof callback !== 'function') return value
  queueMicrotask(() => (callback as HostFunction)(null, value))
  return undefined
}

/** Replaces `Math.random` and the random functions of both modules called crypto. */
export function replaceChance(replacements: Replacements, chance: HostChance): void {
  const module = builtin('node:crypto')
  const hosts = module as unknown as Record<string, HostFunction>
  const replace = (owner: object, name: string, fake: HostFunction): void => {
    const host = (owner as Record<string, HostFunction>)[name]
    // Where Node has a fixed property, that reads the one which is replaced.
    const isFixed = Object.getOwnPropertyDescriptor(owner, name)?.configurable === false
    if (typeof host !== 'function' || isFixed) return
    replacements.replace(owner, name, function (this: unknown, ...args: unknown[]): unknown {
      return chance.isActive ? fake(...args) : Reflect.apply(host, this, args)
    })
  }
  replace(Math, 'random', () => chance.unit())
  const web = Object.getPrototypeOf(globalThis.crypto) as object
  replace(web, 'randomUUID', () => chance.uuid())
  replace(web, 'getRandomValues', (view) => chance.fill(view as ArrayBufferView))
  replace(module, 'randomUUID', () => chance.uuid())
  replace(module, 'getRandomValues', (view) => chance.fill(view as ArrayBufferView))
  replace(module, 'randomBytes', (size, callback) => answer(callback, chance.fill(Buffer.alloc(Number(size)))))
  replace(module, 'randomFillSync', (view, offset, size) =>
    chance.fill(view as ArrayBufferView, offset as number | undefined, size as number | undefined),
  )
  replace(module, 'randomInt', (first, second, third) => {
    const isRange = typeof second === 'number'
    const [least, most] = isRange ? [first as number, second] : [0, first as number]
    // The host refuses others in its own words.
    if (!Number.isSafeInteger(least) || !Number.isSafeInteger(most) || most <= least)
      return (hosts['randomInt'] as HostFunction)(first, second, third)
    return answer(isRange ? third : second, least + chance.below(most - least))
  })
}
