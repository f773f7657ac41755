/**
 * Loaded into a process before its door (node --import residue.ts?FOLDER): on SIGUSR2 it collects garbage and writes what
 * is left of memory, and the runtime's own report, into that folder. privacy.md 2.1 (residue taps). The process that is
 * watched knows nothing of it.
 */
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { writeHeapSnapshot } from 'node:v8'

const folder = decodeURIComponent(new URL(import.meta.url).search.slice(1))

process.on('SIGUSR2', () => {
  const base = join(folder, String(process.pid))
  // Under their final names only when they are whole: whoever waits for them sees them at once.
  process.report.writeReport(`${base}.report.part`)
  renameSync(`${base}.report.part`, `${base}.report.json`)
  renameSync(writeHeapSnapshot(`${base}.heap.part`), `${base}.heapsnapshot`)
})
