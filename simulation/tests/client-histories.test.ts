import { testHistories } from './suite.ts'

testHistories('client', { usual: 100, full: 500, broken: 100 })
