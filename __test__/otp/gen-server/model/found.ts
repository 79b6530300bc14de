/** Programs in which a fault was found. */
import type { Program } from './program.ts'

export const found: readonly (readonly [fault: string, program: Program])[] = [
  [
    'a process ended while a handler ran: the one before had ended in the middle of a round',
    {
      time: 'disguised',
      setups: [
        {
          trapExit: false,
          bound: Infinity,
          callerContext: false,
          overflow: 'reject',
          terminate: 'none',
          init: 'sync',
          name: -1,
          onError: 'reply',
        },
        {
          trapExit: false,
          bound: Infinity,
          callerContext: false,
          overflow: 'reject',
          terminate: 'none',
          init: 'async',
          name: -1,
          onError: 'reply',
        },
        {
          trapExit: false,
          bound: Infinity,
          callerContext: false,
          overflow: 'reject',
          terminate: 'none',
          init: 'sync',
          name: -1,
          onError: 'reply',
        },
      ],
      ops: [
        { op: 'stop', who: 1, reason: 'normal' },
        { op: 'advance', ms: 20 },
        { op: 'cast', to: 3, act: { act: 'throw', what: 'error', late: true } },
        { op: 'burst', to: 0, count: 130, kind: 'wait', timeout: 0, then: 'answer-all' },
        { op: 'link', one: 3, other: 0 },
        { op: 'call', to: 0, act: { act: 'note' }, timeout: Infinity, then: 'nothing', signal: false },
        { op: 'cast', to: 0, act: { act: 'tick', ms: 1 } },
        { op: 'after', to: 0, ms: 0, act: { act: 'note' } },
        { op: 'turn', turns: 1 },
        { op: 'turn', turns: 1 },
        { op: 'after', to: 0, ms: 0, act: { act: 'note' } },
        { op: 'cast', to: 0, act: { act: 'note' } },
        { op: 'link', one: 0, other: 0 },
        {
          op: 'start',
          setup: {
            trapExit: false,
            bound: Infinity,
            callerContext: false,
            overflow: 'reject',
            terminate: 'none',
            init: 'sync',
            name: -1,
            onError: 'reply',
          },
        },
        { op: 'micro', ticks: 1 },
        { op: 'advance', ms: 0 },
        { op: 'call', to: 0, act: { act: 'note' }, timeout: 0, then: 'answer-all', signal: false },
      ],
    },
  ],
]
