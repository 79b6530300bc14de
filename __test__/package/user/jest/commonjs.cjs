// jest runs this as CommonJS.
const suite = require('../suite.cjs')

suite(test, {
  atom: require('keelson/atom'),
  clock: require('keelson/clock'),
  journal: require('keelson/journal'),
  otp: require('keelson/otp'),
  testing: require('keelson/testing'),
})
