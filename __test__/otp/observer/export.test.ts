import {
  createExportData,
  createExportDataWithHistory,
  exportToCsv,
  exportToJson,
  GenServer,
  Observer,
  Supervisor,
} from 'keelson/otp'
import { expect, it } from 'vitest'

import { counter } from '../../support/counter.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()

it('exports a snapshot as JSON that reads back as the same', async () => {
  const { system } = stage
  await GenServer.start(counter, { system, name: 'orders' })
  const data = Observer.prepareExportData(system)
  expect(JSON.parse(exportToJson(data))).toEqual(data)
  expect(data).toMatchObject({ version: '1.0', exportedAt: system.clock.now().wallMs, snapshot: { processCount: 1 } })
  expect(data.metricsHistory).toBeUndefined()
})

it('exports a snapshot as comma-separated values', async () => {
  const { clock, system } = stage
  const ref = await GenServer.start(counter, { system, name: 'a,"b"\nc' })
  const supervisor = await Supervisor.start({ system })
  await clock.advance(1000)
  const { metricsHistory, servers, summary, supervisors } = exportToCsv(Observer.prepareExportData(system))
  const startedAt = new Date(clock.now().wallMs - 1000).toISOString()
  expect(servers.split('\n').slice(0, 1)).toEqual([
    'id,status,queueSize,messageCount,startedAt,uptimeMs,stateMemoryBytes,name,kind',
  ])
  expect(servers).toContain(`\n${ref.id},running,0,0,${startedAt},1000,0,"a,""b""\nc",GenServer`)
  expect(supervisors).toBe(
    'id,strategy,childCount,totalRestarts,startedAt,uptimeMs,name\n' +
      `${supervisor.id},one_for_one,0,0,${startedAt},1000,`,
  )
  const [headers, values] = summary.split('\n').map((line) => line.split(','))
  const cells = Object.fromEntries((headers ?? []).map((header, index) => [header, values?.[index]]))
  expect(cells).toMatchObject({
    timestamp: new Date(clock.now().wallMs).toISOString(),
    processCount: '2',
    serverCount: '1',
    supervisorCount: '1',
    totalMessages: '0',
    totalRestarts: '0',
  })
  expect(metricsHistory).toBeUndefined()
})

it('writes no formula that a spreadsheet would run', async () => {
  const { system } = stage
  await GenServer.start(counter, { system, name: '=HYPERLINK("http://x","y")' })
  expect(exportToCsv(Observer.prepareExportData(system)).servers).toContain(`"'=HYPERLINK(""http://x"",""y"")"`)
})

it('aligns a history by time', () => {
  const snapshot = Observer.getSnapshot(stage.system)
  const memory = { heapUsed: 5, heapTotal: 6, external: 7, rss: 8, timestamp: 2000 }
  const history = {
    throughput: [{ timestamp: 2000, value: 3 }],
    processCount: [{ timestamp: 1000, value: 1 }],
    restartRate: [],
    memory: [memory],
    perProcess: {},
  }
  const data = createExportDataWithHistory(snapshot, history)
  expect(data.metricsHistory).toBe(history)
  expect(exportToCsv(data).metricsHistory).toBe(
    'timestamp,throughput,processCount,restartRate,heapUsedBytes\n' +
      '1970-01-01T00:00:01.000Z,,1,,\n1970-01-01T00:00:02.000Z,3,,,5',
  )
  expect(createExportData(snapshot)).toEqual({ snapshot, exportedAt: snapshot.timestamp, version: '1.0' })
})

it('refuses what is no snapshot', () => {
  expect(() => exportToJson(1 as never)).toThrow('data')
  expect(() => exportToCsv(undefined as never)).toThrow('data')
  expect(() => createExportData('x' as never)).toThrow('snapshot')
})
