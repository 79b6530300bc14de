/** Titles of tests that had to change, by the old one. `npm run test:names` pairs tests by it. */
export const renamed = {}
