// What a consumer's compiler has to accept, and what it has to refuse.
import keelson = require('keelson')
import clocks = require('keelson/clock')
import testing = require('keelson/testing')

const clock: keelson.ControlledClock = clocks.createControlledClock(0)
const system: keelson.Clock = clocks.createSystemClock({ emit: (event) => event.type satisfies string })

// An Instant is a number in arithmetic and comparisons, and an object with both tracks.
const start: keelson.Instant = clock.now()
const elapsed: number = clock.now() - start
const expiry: number = clock.now() + 60_000
const late: boolean = expiry > clock.now()
const wall: number = start.wallMs
const target: keelson.DeadlineTarget = start

void clock.sleep(250)
void clock.sleep(keelson.ms(250), { signal: new AbortController().signal })
void system.deadline({ wallMs: 5 })
const handle: keelson.TimerHandle = clock.interval(5, async () => {})
handle.cancel()
clock.autoAdvance = true
const moved: Promise<number> = clock.runUntilIdle({ maxTimers: 100 })
const installed: testing.InstalledClock = testing.installClock(clock)
const isInstalled: boolean = installed.installed
installed.uninstall()

if (system instanceof clocks.ControlledClock) system.advanceBy(5)
if (system instanceof keelson.SystemClock) system.close()
const made: clocks.SystemClock = clocks.createSystemClock()

// @ts-expect-error createControlledClock makes it
void new clocks.ControlledClock()
// @ts-expect-error createSystemClock makes it
void new clocks.SystemClock()
// @ts-expect-error a duration is a number
void clock.sleep('5')
// @ts-expect-error the system clock cannot be advanced
void system.advance(5)
// @ts-expect-error no such option
void clock.runUntilIdle({ maxTimer: 100 })
// @ts-expect-error the system clock takes nobody's place
testing.installClock(system)
// @ts-expect-error no such option
clocks.createControlledClock({ intialTime: 5 })
// @ts-expect-error instants are read-only
start.wallMs = 5

export { elapsed, isInstalled, late, made, moved, target, wall }
