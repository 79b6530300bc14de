// A worker thread of suite.cjs.
const { createSharedAtom, sharedCounter } = require('keelson/atom')

const total = sharedCounter('total')
for (let step = 0; step < 1000; step++) total.increment()
const state = createSharedAtom('state', { seen: 0 })
state.swap(({ seen }) => ({ seen: seen + 1 }))
