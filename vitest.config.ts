import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Real processes, sockets and worker threads of our own: forks keep one file's handles out of another's.
    pool: 'forks',
    // Much of the time is waiting for processes: a core each, none spared for watching.
    maxWorkers: '100%',
    testTimeout: 40_000,
    hookTimeout: 60_000,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    reporters: ['default', './test/house/tally.ts'],
  },
})
