/**
 * What Node tells of the process, by name: everything that it would tell beside these has labels that nobody declared,
 * or says with every scrape how many sockets are open.
 */
import type { MetricTable } from './metric-table.ts'

const lag = (name: string, what: string) =>
  ({
    kind: 'gauge',
    name: `nodejs_eventloop_lag_${name}seconds`,
    says: `Event loop lag, ${what}`,
    shown: 'exact',
  }) as const

export const processMetrics = {
  cpu: {
    kind: 'counter',
    name: 'process_cpu_seconds_total',
    says: 'Processor time, user and system',
    labels: {},
    shown: 'exact',
  },
  start: {
    kind: 'gauge',
    name: 'process_start_time_seconds',
    says: 'Start of the process, seconds since 1970',
    shown: 'exact',
  },
  resident: { kind: 'gauge', name: 'process_resident_memory_bytes', says: 'Resident memory', shown: 'exact' },
  descriptors: {
    kind: 'gauge',
    name: 'process_open_fds',
    says: 'Open file descriptors, rounded down to tens',
    shown: 'tens-below',
  },
  mostDescriptors: {
    kind: 'gauge',
    name: 'process_max_fds',
    says: 'File descriptors that may be open',
    shown: 'exact',
  },
  lagMean: lag('mean_', 'mean of the minute'),
  lagP99: lag('p99_', '99th percentile of the minute'),
  lagMax: lag('max_', 'longest of the minute'),
  heap: { kind: 'gauge', name: 'nodejs_heap_size_used_bytes', says: 'Heap in use', shown: 'exact' },
  heapTotal: { kind: 'gauge', name: 'nodejs_heap_size_total_bytes', says: 'Heap reserved', shown: 'exact' },
  external: {
    kind: 'gauge',
    name: 'nodejs_external_memory_bytes',
    says: 'Memory outside the heap, buffers above all',
    shown: 'exact',
  },
} as const satisfies MetricTable
