// Plain CommonJS tests run by Jest: it has to be able to load the built package, and its vm contexts are other realms.
module.exports = {
  rootDir: __dirname,
  testMatch: ['<rootDir>/__test__/compat/jest/**/*.test.js'],
  modulePathIgnorePatterns: [
    '<rootDir>/.cache/',
    '<rootDir>/target/',
    '<rootDir>/bench/',
    '<rootDir>/npm/',
    '<rootDir>/__test__/package/',
    '<rootDir>/scripts/',
  ],
  testEnvironment: 'node',
  transform: {},
}
