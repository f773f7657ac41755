/** The lab's modules that are loaded into a process before its door, and what they leave. privacy.md 2.1 (residue taps). */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { Service } from '../../../deploy/local/pair/service.ts'
import type { Operator } from './wiring.ts'

export type Residue = { readonly operator: Operator; readonly heap: string; readonly report: string }

export const secretsFile = 'tls-secrets.log'
const residueFolder = 'residue'

export function residueArgs(folder: string): string[] {
  mkdirSync(join(folder, residueFolder), { recursive: true, mode: 0o700 })
  return ['--import', residuePreload(join(folder, residueFolder))]
}

export function residuePreload(folder: string): string {
  return moduleOf('residue.ts', folder)
}

/** What the process ends of TLS can be read with what is then in the folder's `secretsFile`. */
export function secretsArgs(folder: string): string[] {
  return ['--import', moduleOf('secrets.ts', join(folder, secretsFile))]
}

function moduleOf(name: string, told: string): string {
  const module = pathToFileURL(join(import.meta.dirname, name))
  module.search = encodeURIComponent(told)
  return module.href
}

export async function residueOf(
  folder: string,
  services: readonly Service[],
  of: readonly Operator[],
): Promise<Residue[]> {
  return Promise.all(
    of.map(async (operator) => {
      const pid = services.find(({ name }) => name === operator)?.pid
      if (pid === undefined) throw new TypeError(`no process of the ${operator}`)
      return { operator, ...(await takeResidue(join(folder, residueFolder), pid)) }
    }),
  )
}

/** Asks a process that was started with `residuePreload` for what it holds. */
export async function takeResidue(folder: string, pid: number): Promise<Omit<Residue, 'operator'>> {
  const heap = join(folder, `${String(pid)}.heapsnapshot`)
  const report = join(folder, `${String(pid)}.report.json`)
  process.kill(pid, 'SIGUSR2')
  const deadline = Date.now() + residueWithin
  while (!existsSync(heap)) {
    if (Date.now() > deadline)
      throw new Error(`process ${String(pid)} wrote no heap snapshot in ${residueWithin / 1000} s`)
    await sleep(20)
  }
  return { heap, report }
}

const residueWithin = 30_000
