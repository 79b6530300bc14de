// The ends of requests that random programs found nobody to know of, one by one.
import { describe, expect, it } from 'vitest'

import { inMemory } from './model/means.ts'
import { type Ask, FACES, type HandlerKind, type Op } from './model/plan.ts'
import { World } from './model/world.ts'

const ask = (handler: HandlerKind, more: Partial<Ask> = {}): Ask => ({
  handler,
  method: 'GET',
  body: 'whole',
  version: '1.1',
  close: false,
  before: 0,
  between: 0,
  ...more,
})
const open: Op = { kind: 'open' }
const sends = (...asks: Ask[]): Op => ({ kind: 'pipeline', at: 0, asks })
const does = (kind: 'rest' | 'leave' | 'half-close' | 'stop reading' | 'upgrade'): Op => ({ kind, at: 0 })
const handler = (kind: 'handler ends' | 'handler writes' | 'handler destroys'): Op => ({ kind, at: 0 })
const time = (ms: number): Op => ({ kind: 'time', ms })
const shutdown: Op = { kind: 'shutdown' }

/** The number of handlers that must end without their client before the gate waits for the next. */
const proven: readonly Op[] = Array.from({ length: 4 }, () => [
  open,
  sends(ask('held')),
  does('leave'),
  handler('handler ends'),
]).flat()

const rules: readonly [string, readonly Op[]][] = [
  [
    'a client that goes leaves nothing behind of the requests that were queued',
    [open, sends(ask('held'), ask('held'), ask('slow'), ask('now')), does('leave')],
  ],
  [
    'the same, once the gate waits for handlers whose clients left',
    [...proven, open, sends(ask('held'), ask('held'), ask('slow')), does('leave')],
  ],
  ['a handler that has ended holds no place, though an earlier one goes on', [open, sends(ask('never'), ask('now'))]],
  [
    'a request whose client left before a middleware saw it is journaled, and takes no place',
    [open, sends(ask('held'), ask('now', { before: 20 }), ask('now', { between: 20 })), does('leave'), time(50)],
  ],
  [
    'a client that sends more after its last request loses the others, and nothing stays of them',
    [open, sends(ask('slow'), ask('now', { close: true }), ask('now'))],
  ],
  ['how slowly a client reads is nobody’s work', [open, does('stop reading'), sends(ask('large'), ask('now'))]],
  [
    'a client that ends its side while it reads nothing holds no place',
    [open, does('stop reading'), sends(ask('held')), handler('handler writes'), does('half-close')],
  ],
  [
    'a handler that destroys its response has ended',
    [...proven, open, sends(ask('destroys the response')), open, sends(ask('held')), handler('handler destroys')],
  ],
  [
    'a handler that destroys a response whose turn has not come has ended',
    [open, sends(ask('never'), ask('destroys the response'))],
  ],
  [
    'an orderly end answers all requests of a connection, and not only the first',
    [open, sends(ask('held'), ask('held'), ask('slow')), shutdown, handler('handler ends')],
  ],
  [
    'an orderly end answers what comes over a connection after it began',
    [open, sends(ask('held')), shutdown, sends(ask('now'), ask('now'))],
  ],
  [
    'an orderly end sends an answer to its end, however slowly its client reads',
    [open, does('stop reading'), sends(ask('large')), shutdown],
  ],
  ['an orderly end records what it breaks off', [open, sends(ask('never'), ask('never')), shutdown]],
  ['an orderly end does not wait for a connection that is silent', [open, open, shutdown]],
  [
    'an orderly end waits for half a request, and records it',
    [open, { kind: 'half a request', at: 0, ask: ask('now') }, shutdown],
  ],
  ['an orderly end records an upgraded connection', [open, does('upgrade'), shutdown]],
]

describe.each(FACES)('in %s', (face) => {
  it.each(rules)('%s', async (_, ops) => {
    expect(await new World({ face, gate: 'wide', ops }, inMemory).run()).toEqual([])
  })
})
