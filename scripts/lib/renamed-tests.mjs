/** Titles of tests that had to change, by the old one. */
const renamed = {
  // The flood runs in virtual time, beside the program and not in it.
  'first light > keeps working behind its door at twice its capacity':
    'the service at twice its capacity > keeps working behind its door',
  'first light > collapses without it': 'the service at twice its capacity > collapses without it',
}

/** Numbers of a list of defects that is not in this repository stood before some titles. */
const NUMBERED = /^(.* > )?(?:D\d+|D-bad|1\.4): /

/** Returns the title that a test with this title at an older commit has now. `npm run test:names` pairs tests by it. */
export const titleNow = (title) => renamed[title] ?? title.replace(NUMBERED, '$1')
