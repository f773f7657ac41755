import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real processes, sockets and worker threads of our own: forks keep one file's handles out of another's.
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 30_000,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    reporters: ['default', './test/house/tally.ts'],
  },
})
