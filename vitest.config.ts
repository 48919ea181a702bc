import { defineConfig } from 'vitest/config'
import LongestFirst from './dev/runners/longest-first.ts'

export default defineConfig({
  test: {
    include: [
      'client/tests/**/*.test.ts',
      'dev/tests/**/*.test.ts',
      'examples/**/*.test.ts',
      'bench/**/*.test.ts',
      'tests/**/*.test.ts',
      'simulation/**/*.test.ts',
    ],
    setupFiles: ['dev/seeded.ts'],
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // Only what hangs runs into these, on a slow or busy machine too.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 30_000 } },
  },
})
