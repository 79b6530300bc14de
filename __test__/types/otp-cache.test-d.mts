// What the types of caches allow and refuse.
import { Cache, type CacheHandle, type CacheRef, type SharedCacheRef } from 'keelson/otp'

interface User {
  readonly name: string
}

const users: CacheRef<User> = await Cache.start<User>({ maxSize: 10, onEvict: (_key, user) => user.name })
const handle: CacheHandle<User> = users.handle
const found: User | undefined = handle.get('a')
const made: User = handle.getOrSet('a', () => ({ name: 'Ada' }))
const loaded: User | Promise<User> = handle.getOrSet(1, async () => ({ name: 'Ada' }))
const promised: Promise<{ name: string }> = Cache.getOrSet(users, 'a', () => ({ name: 'Ada' }))
const looked: CacheHandle<User> = Cache.handle<User>(users)

const names: readonly string[] = await Cache.keys<string>(users)
const expected: readonly string[] = await Cache.keys(users)
const pairs: [string, User][] = handle.entries()
// @ts-expect-error: a key is never a boolean
handle.keys<boolean>()

const shared: SharedCacheRef<User> = await Cache.start<User>({ shared: true, name: 'users' })
const waited: User | Promise<User> = shared.handle.getOrSet('a', () => ({ name: 'Ada' }))
// @ts-expect-error: another thread may be loading, so there may be a promise
const atOnce: User = shared.handle.getOrSet('a', () => ({ name: 'Ada' }))
// @ts-expect-error: threads share a cache by its name
await Cache.start({ shared: true })
// @ts-expect-error: a value of another type
handle.set('a', { title: 'x' })
// @ts-expect-error: keys are strings or numbers
handle.get(Symbol.iterator)
// @ts-expect-error: no such policy
await Cache.start({ policy: 'random' })

const byName = await Cache.start<User, string>({ defaultTtlMs: 5, sliding: true })
const lengths: number[] = (await Cache.keys(byName)).map((key) => key.length)
const keysOfHandle: string[] = byName.handle.keys()
const many: Map<string, User> = await Cache.getMany<User, string>(byName, ['a'])
await Cache.setMany(byName, [['a', { name: 'Ada' }]], { ttlMs: 5 })
const left: number | undefined = await Cache.ttl(byName, 'a')
const count: number = await Cache.load(byName, await Cache.dump<User>(byName))
const memoized: (id: number, name: string) => Promise<string> = Cache.memoize(
  (id: number, name: string) => `${id}${name}`,
  { key: (id, name) => `${id}|${name.length}` },
)
void Cache.getOrSet(byName, 'a', ({ key, signal }) => ({ name: `${key}`, aborted: signal.aborted }))
// @ts-expect-error: the cache of the function has no name
Cache.memoize(() => 1, { name: 'x' })

export { count, keysOfHandle, left, lengths, many, memoized }
export { atOnce, expected, found, loaded, looked, made, names, pairs, promised, waited }
