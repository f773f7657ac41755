/** Logs and witnesses in a folder of their own for each test, from fixed seeds, closed and removed afterwards. */
import { sha256 } from '@noble/hashes/sha2.js'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createDevelopmentLog, openDevelopmentLog, type DevelopmentLog } from '../../../shared/development-log/log.ts'
import {
  createDevelopmentWitness,
  openDevelopmentWitness,
  type DevelopmentWitness,
} from '../../../shared/development-log/witness.ts'
import type { CosignatureKind } from '../../../shared/tlog/cosignature.ts'
import { utf8, type Bytes } from '../../../shared/bytes.ts'
import type { LogTrust } from '../../../shared/tlog/policy.ts'

export const noon = Date.parse('2026-11-22T12:00:00Z')
export const hour = 3_600_000

export type Yard = {
  readonly folder: string
  clock: number
  log(name?: string, at?: string): Promise<DevelopmentLog>
  reopened(log: DevelopmentLog): Promise<DevelopmentLog>
  witness(name: string, log: DevelopmentLog, kind?: CosignatureKind): Promise<DevelopmentWitness>
  again(name: string): Promise<DevelopmentWitness>
}

export function yard(): Yard {
  const folder = mkdtempSync(join(tmpdir(), 'development-log-'))
  const open: { close(): void }[] = []
  const kept = <T extends { close(): void }>(one: T): T => {
    open.push(one)
    return one
  }
  onTestFinished(() => {
    for (const one of open) one.close()
    rmSync(folder, { recursive: true })
  })
  const state: Yard = {
    folder,
    clock: noon,
    log: async (name = 'example', at = name) =>
      kept(await createDevelopmentLog({ folder: join(folder, at), name, seed: seedOf(name) })),
    reopened: async ({ published }) => kept(await openDevelopmentLog(join(published, '..'))),
    async witness(name, log, kind = 'cosignature') {
      const options = { folder: join(folder, name), name, kind, seed: seedOf(name), now: () => state.clock }
      const witness = kept(await createDevelopmentWitness(options))
      witness.accept(log)
      return witness
    },
    again: async (name) => kept(await openDevelopmentWitness({ folder: join(folder, name), now: () => state.clock })),
  }
  return state
}

export function trusting(log: DevelopmentLog, witnesses: readonly DevelopmentWitness[], quorum: number): LogTrust {
  return { logs: [log], witnesses, quorum }
}

export function fill(log: DevelopmentLog, from: number, to: number): void {
  for (let at = from; at < to; at++) log.add(leaf(at))
}

export function leaf(at: number): Bytes {
  return utf8(`leaf ${at}`)
}

function seedOf(name: string): Uint8Array {
  return sha256(utf8(name))
}
