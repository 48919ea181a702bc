import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      'client/tests/**/*.test.ts',
      'dev/tests/**/*.test.ts',
      'examples/**/*.test.ts',
      'bench/**/*.test.ts',
      'tests/**/*.test.ts',
      'fuzz/**/*.test.ts',
      'proof/**/*.test.ts',
    ],
    setupFiles: ['dev/seeded.ts'],
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
