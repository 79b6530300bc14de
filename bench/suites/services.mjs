// What services are made of beside processes: limits on how often, in front of an app too, and messages by topic.
// Caches have a suite of their own.
import { cases as buses } from './services/event-bus.mjs'
import { cases as middlewares } from './services/rate-limit.mjs'
import { cases as limiters } from './services/rate-limiter.mjs'

// Buses last: their hundred thousand subscriptions stay, and are in the collector's way.
export default { name: 'services', cases: [...limiters, ...middlewares, ...buses] }
