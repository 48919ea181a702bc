import { testHistories } from './suite.ts'

testHistories('client', { usual: 60, full: 500, broken: 100 })
