/** Titles of tests that had to change, by the old one. */
const renamed = {
  // The flood runs in virtual time, beside the program and not in it.
  'first light > keeps working behind its door at twice its capacity':
    'the service at twice its capacity > keeps working behind its door',
  'first light > collapses without it': 'the service at twice its capacity > collapses without it',
  // A model of how titles read, see CONTRIBUTING.
  'timeout > gives what the task gives: a value, a promise, a throw, a rejection':
    'timeout > settles as its task does: a value, a promise, a throw, a rejection',
  'timeout > has a signal that is aborted also when it is read after the time':
    'timeout > aborts a signal that the task first reads after the time',
  'timeout > hands a later failure of the abandoned task to the system, once':
    'timeout > reports a later failure of the abandoned task to the system, once',
  'timeout > does not report that a task gave up when it was told to':
    'timeout > does not report a task that fails because its signal aborted',
  'timeout > waits for the task when it is cooperative': 'timeout > waits for the task with the strategy cooperative',
  'timeout > counts from the try when it is inside a retry, and over all of them outside':
    'timeout > bounds each try inside a retry, and all tries together outside',
  'timeout > lasts a year if it has to': 'timeout > waits for a year without rejecting early',
}

/** Numbers of a list of defects that is not in this repository stood before some titles. */
const NUMBERED = /^(.* > )?(?:D\d+|D-bad|1\.4): /

/** Returns the title that a test with this title at an older commit has now. `npm run test:names` pairs tests by it. */
export const titleNow = (title) => renamed[title] ?? title.replace(NUMBERED, '$1')
