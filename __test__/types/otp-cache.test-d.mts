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

export { atOnce, expected, found, loaded, looked, made, names, pairs, promised, waited }
