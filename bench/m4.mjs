import { bulkhead, circuitBreaker, hedge, retry, timeout, wrap, fallback } from 'keelson/effect'
const N=1e5, cb=()=>{}
const work = async()=>1
async function t(name, f){ let best=1e9; for(let k=0;k<6;k++){ const a=process.cpuUsage(); await f(); const d=process.cpuUsage(a); best=Math.min(best,(d.user+d.system)*1e3/N) } console.log(name, best.toFixed(0)) }
const run = p => async()=>{ for(let i=0;i<N;i++) await p.execute(work) }
const rej = p => async()=>{ for(let i=0;i<N;i++) await p.execute(work).catch(cb) }
await t('plain', async()=>{ for(let i=0;i<N;i++) await work() })
const open=circuitBreaker(); open.isolate()
await t('open', rej(open))
await t('bulkhead', run(bulkhead({limit:10})))
await t('breaker', run(circuitBreaker()))
await t('retry', run(retry()))
await t('timeout', run(timeout(1000)))
await t('fallback', run(fallback(1)))
await t('stack', run(wrap(timeout(1000),retry(),circuitBreaker(),bulkhead({limit:10}))))
await t('open', rej(open))
