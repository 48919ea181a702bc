import { testHistories } from './suite.ts'

testHistories('client', { usual: 80, full: 500, broken: 100 })
