module.exports = {
  testMatch: ['<rootDir>/jest/*.{cjs,mjs}'],
  testEnvironment: 'node',
  moduleFileExtensions: ['js', 'mjs', 'cjs', 'json', 'node'],
  transform: {},
}
