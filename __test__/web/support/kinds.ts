import type { Column, ColumnType } from '../../../web/protocol.d.ts'

const columns = (text: string): Column[] =>
  text.split(' ').map((each) => {
    const [name = '', type = 'text'] = each.split(':')
    return { name, type: type as ColumnType }
  })

/** The kinds of the protocol, version 1, with their columns. */
export const kinds: Readonly<Record<string, readonly Column[]>> = {
  process: columns(
    'id name kind status mailbox:gauge messages:count restarts:count crashes:count parent startedAt:wall memory:bytes system',
  ),
  supervisor: columns(
    'id name strategy children:gauge restarts:count intensityLeft:gauge parent startedAt:wall system',
  ),
  route: columns(
    'name R:gauge base:gauge pressure:gauge momentum:gauge scar:gauge mode limit:gauge inFlight:gauge queued:gauge ' +
      'admitted:count trickled:count succeeded:count failed:count timedOut:count shed:count shedLimit:count ' +
      'shedQueueFull:count shedQueueDeadline:count shedDisplaced:count shedResistance:count baselineMs:ms ' +
      'queueDelayMs:ms errorRate:gauge system',
  ),
  policy: columns('name type state active:gauge queued:gauge calls:count failures:count rejected:count system'),
  journal: columns('name where entries:gauge first:gauge next:gauge bytes:bytes pending:gauge system'),
  cache: columns('name entries:gauge hits:count misses:count evictions:count loads:count system'),
  limiter: columns('name keys:gauge admitted:count refused:count waiting:gauge system'),
  bus: columns('name subscriptions:gauge published:count delivered:count dropped:count system'),
  atom: columns('name version:gauge commits:count watchers:gauge shared:flag system'),
  timer: columns('system pending:gauge fired:count nextDueMs:ms'),
  effect: columns('system fibres:gauge started:count failed:count'),
  loop: columns('thread running:count idle:count blocked:count longest:ms stalls:count'),
}
