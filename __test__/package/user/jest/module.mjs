// jest runs this as an ES module.
import { test } from '@jest/globals'
import * as atom from 'keelson/atom'
import * as clock from 'keelson/clock'
import * as journal from 'keelson/journal'
import * as otp from 'keelson/otp'
import * as testing from 'keelson/testing'

import suite from '../suite.cjs'

suite(test, { atom, clock, journal, otp, testing })
