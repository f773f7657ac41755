/** What the benches share: CPU time of a process from the kernel's own books, medians, and tables to read. Linux only. */
import { readdirSync, readFileSync } from 'node:fs'

/** Microseconds that a process and its threads have run, from /proc/PID/task/TID/schedstat (nanoseconds on a CPU). */
export function cpuMicros(pid: number): number {
  let total = 0
  for (const thread of readdirSync(`/proc/${String(pid)}/task`)) {
    const [ran = '0'] = readFileSync(`/proc/${String(pid)}/task/${thread}/schedstat`, 'utf8').split(' ')
    total += Number(ran) / 1000
  }
  return total
}

/** MiB of memory resident now (`VmRSS`) or at the highest so far (`VmHWM`). */
export function residentMiB(pid: number, which: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8')
  return Number(new RegExp(`${which}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 'NaN') / 1024
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? at(sorted, middle) : (at(sorted, middle - 1) + at(sorted, middle)) / 2
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return at(sorted, Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1))
}

/** A figure beside the goal it is held to. Prints; never fails: these machines are shared and noisy. */
export function verdict(name: string, figure: number, goal: number, sense: 'at most' | 'at least', unit = ''): string {
  const met = sense === 'at most' ? figure <= goal : figure >= goal
  return `${met ? 'met   ' : 'MISSED'}  ${name}: ${figure.toFixed(2)}${unit} (goal: ${sense} ${String(goal)}${unit})`
}

/** Left-aligned columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function at(values: readonly number[], index: number): number {
  return values[index] ?? Number.NaN
}
