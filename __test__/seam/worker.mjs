// Loads the package in a worker and keeps it busy until it is terminated.
import { createControlledClock, createSystem, getDefaultSystem } from 'keelson'
import { parentPort } from 'node:worker_threads'

parentPort.postMessage('loaded')
const clock = createControlledClock()
getDefaultSystem().clock.interval(1, () => {})
for (;;) {
  const system = createSystem({ clock })
  for (let index = 0; index < 50; index++) {
    clock.schedule(system.random.int(100), () => {})
    void getDefaultSystem().clock.sleep(1)
  }
  clock.advanceBy(50)
  await system.close()
  await clock.flush()
}
