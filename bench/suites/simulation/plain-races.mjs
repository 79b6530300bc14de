// The twelve planted races of __test__/simulation/races as plain programs: services are objects, and calls of them promises.
// What calls and times are is the peer's: it provides `call` and `later`.

/** The calls after which the second of two clients begins. */
const HOPS = 8

function expectEqual(what, found, expected) {
  if (found !== expected) throw new Error(`${what} is ${found}, not ${expected}`)
}

async function comeLater({ call }) {
  for (let hop = 0; hop < HOPS; hop += 1) await call('hop', () => true)
}

/** Runs two clients at once, the second one later. */
const both = (world, run) => Promise.all([run(1), comeLater(world).then(() => run(2))])

async function lostUpdate(world, isFixed) {
  let balance = 100
  await both(world, async (by) => {
    if (isFixed) {
      await world.call('withdraw', () => (balance -= by * 10))
      return
    }
    const read = await world.call('get', () => balance)
    await world.call('set', () => {
      balance = read - by * 10
    })
  })
  expectEqual('the balance', balance, 70)
}

async function readThenWrite(world, isFixed) {
  let [stock, sold] = [1, 0]
  await both(world, async () => {
    if (stock < 1) return
    if (isFixed) stock -= 1
    await world.call('pay', () => 'paid')
    if (!isFixed) stock -= 1
    sold += 1
  })
  expectEqual('the number sold', sold, 1)
}

async function doubleStart(world, isFixed) {
  let starts = 0
  let [starting, worker] = []
  const start = async () => {
    starts += 1
    await world.call('read settings', () => 'settings')
    return {}
  }
  await both(world, async () => {
    if (isFixed) {
      starting ??= start()
      await starting
    } else worker ??= await start()
    await world.call('work', () => worker)
  })
  expectEqual('the number of starts', starts, 1)
}

async function leaseAfterPause(world, isFixed) {
  let [holder, last, written] = [0, 0, 0]
  const lease = () => {
    if (holder !== 0) return 0
    last += 1
    const token = last
    holder = token
    void world.later('the lease ends', 1000).then(() => {
      if (holder === token) holder = 0
    })
    return token
  }
  const write = (token) => {
    if (token < written && isFixed) return
    if (token < written) throw new Error('an old holder wrote after a newer one')
    written = token
  }
  const work = async () => {
    let token = 0
    while (token === 0) {
      token = await world.call('lease', lease)
      if (token === 0) await world.later('ask again', 300)
    }
    await world.later('work', 100)
    await world.call('write', () => write(token))
  }
  await Promise.all([work(), work()])
}

async function staleFill(world, isFixed) {
  const row = { value: 'old', version: 1 }
  let [entry, least] = [undefined, 0]
  const reader = async () => {
    if ((await world.call('get', () => entry)) !== undefined) return
    const read = await world.call('read', () => ({ ...row }))
    await world.call('render', () => 'rendered')
    await world.call('fill', () => {
      if (!isFixed || read.version >= least) entry = read
    })
  }
  const writer = async () => {
    await comeLater(world)
    await world.call('write', () => Object.assign(row, { value: 'new', version: 2 }))
    await world.call('invalidate', () => {
      entry = undefined
      least = 2
    })
  }
  await Promise.all([reader(), writer()])
  if (entry !== undefined) expectEqual('the cached value', entry.value, 'new')
}

async function retryStorm(world, isFixed) {
  let waiting = 0
  const request = async () => {
    waiting += 1
    if (waiting > 9) throw new Error('ten requests wait')
    const sent = world.call('work', () => true).then(() => (waiting -= 1))
    const late = Symbol('late')
    const timeout = world.later('it takes too long', 100).then(() => late)
    if ((await Promise.race([sent, timeout])) !== late) await timeout
    else if (isFixed) await sent
    else await request()
  }
  await Promise.all([request(), request(), request()])
}

async function restartDuringStop(world, isFixed) {
  let [running, isStopped] = [1, false]
  const start = () => {
    if (!(isFixed && isStopped)) running += 1
  }
  const end = () => {
    if (running > 0) running -= 1
  }
  const watchdog = async () => {
    await world.call('crashed', end)
    await world.call('start', start)
  }
  const operator = async () => {
    for (let look = 0; look < 4; look += 1) await world.call('look', () => running)
    await world.call('stop', () => {
      isStopped = true
      end()
    })
  }
  await Promise.all([watchdog(), operator()])
  expectEqual('the number of workers after the stop', running, 0)
}

async function ackBeforeSync(world, isFixed) {
  const [disk, acknowledged] = [[], []]
  let [buffer, isDown, lost] = [[], false, []]
  const add = async (entry) => {
    buffer.push(entry)
    const synced = world.later('sync', 5).then(() => {
      if (!isDown) disk.push(...buffer.splice(0))
    })
    if (isFixed) await synced
    await world.call('acknowledge', () => true)
    if (!isDown) acknowledged.push(entry)
  }
  const power = world.later('the power fails', 10_000).then(() => {
    isDown = true
    buffer = []
    lost = acknowledged.filter((entry) => !disk.includes(entry))
  })
  for (let entry = 0; entry < 5; entry += 1) {
    if (!isDown) await add(entry)
    await world.later('the next one', 2)
  }
  await power
  if (lost.length > 0) throw new Error(`${lost.length} entries were acknowledged and are lost`)
}

async function dedupeWindow(world, isFixed) {
  let charged = 0
  const seen = new Set()
  const charge = () => {
    if (seen.has('order 1')) return
    charged += 1
    seen.add('order 1')
    if (isFixed) return
    void world.later('the window ends', 1000).then(() => seen.delete('order 1'))
  }
  const late = Symbol('late')
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const timeout = world.later('the answer is lost', 500).then(() => late)
    if ((await Promise.race([world.call('charge', charge), timeout])) !== late) break
    await world.later('try again', 200)
  }
  if (charged > 1) throw new Error(`the order was charged ${charged} times`)
}

async function twoWriters(world, isFixed) {
  let [leader, writers] = [undefined, 0]
  await both(world, async (by) => {
    if (isFixed) {
      const claimed = await world.call('claim', () => {
        leader ??= by
        return leader
      })
      if (claimed === by) writers += 1
      return
    }
    if ((await world.call('get', () => leader)) !== undefined) return
    await world.call('set', () => {
      leader = by
    })
    writers += 1
  })
  expectEqual('the number of writers', writers, 1)
}

async function timeoutAgainstReply(world, isFixed) {
  let [sold, refunded, isCancelled] = [0, 0, false]
  const late = Symbol('late')
  const buy = async () => {
    await world.later('pack', 10)
    await world.call('buy', () => {
      if (!isCancelled) sold = 1
    })
  }
  const bought = buy()
  const timeout = world.later('it takes too long', 50).then(() => late)
  if ((await Promise.race([bought, timeout])) === late) {
    if (isFixed) {
      await world.call('cancel', () => {
        isCancelled = true
        sold = 0
      })
    }
    refunded = 1
  }
  await bought
  expectEqual('what was sold or refunded', sold + refunded, 1)
}

async function lostWakeUp(world, isFixed) {
  let [jobs, wake] = [0, undefined]
  const take = () => {
    if (jobs === 0) return false
    jobs -= 1
    return true
  }
  const consumer = async () => {
    if (await world.call('take', take)) return
    await new Promise((resolve) => {
      void world.call('wait', () => {
        if (isFixed && take()) resolve()
        else wake = resolve
      })
    })
  }
  const producer = async () => {
    await comeLater(world)
    await world.call('push', () => {
      jobs += 1
      wake?.()
      wake = undefined
    })
  }
  await Promise.all([consumer(), producer()])
}

/** The races, by the names that they have in the tests. */
export const plainRaces = new Map([
  ['lost update', lostUpdate],
  ['read then write across await', readThenWrite],
  ['double start', doubleStart],
  ['lease after pause', leaseAfterPause],
  ['stale cache fill', staleFill],
  ['retry storm', retryStorm],
  ['restart during stop', restartDuringStop],
  ['ack before sync', ackBeforeSync],
  ['dedupe window', dedupeWindow],
  ['two writers', twoWriters],
  ['timeout against reply', timeoutAgainstReply],
  ['lost wake-up', lostWakeUp],
])
