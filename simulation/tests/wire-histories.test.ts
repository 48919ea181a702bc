import { testHistories } from './suite.ts'

testHistories('wire', { usual: 150, full: 2_000, broken: 200 })
