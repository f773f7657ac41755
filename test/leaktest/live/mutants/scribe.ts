/** Plays operators who write down what passes their own hands: a gateway's log and page, and a relay that keeps heads in memory. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { LivePair } from '../pair.ts'
import { residuePreload, takeResidue, type Residue } from '../preloads.ts'
import { joined } from '../tap.ts'
import type { Operator } from '../wiring.ts'

export type Scribe = {
  /** a line of the gateway's log for each prompt that it opened */
  readonly gatewayLine?: (prompt: string) => string
  /** a line of the CVM's log for each prompt that its application got */
  readonly cvmLine?: (prompt: string) => string
  /** a line of the gateway's page for each path that it opened */
  readonly gatewayPage?: (path: string) => string
  /** the page counts what was opened */
  readonly countsGateway?: true
  /** another process holds what the relay kept */
  readonly hoards?: true
}

type Opened = { readonly prompt: string; readonly path: string }

/** What was opened, wherever the placement has that done: it is what the application was asked. */
export function openedSince({ taps }: LivePair, since: number): Opened[] {
  return taps.app.connections().flatMap(({ forward }) => {
    const text = joined(forward.filter(({ t }) => t >= since)).toString('latin1')
    return [...text.matchAll(/^POST (\S+) [^]*?"prompt":"([^"]*)"/gm)].map(([, path = '', prompt = '']) => ({
      path,
      prompt,
    }))
  })
}

/** A process that holds these words and nothing else, looked into as the operators' own are. */
export async function hoard(
  pair: LivePair,
  words: readonly string[],
): Promise<Residue & { readonly operator: Operator }> {
  const folder = join(pair.folder, 'hoard')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const flags = ['--disable-warning=ExperimentalWarning', '--import', residuePreload(folder)]
  const child = spawn(process.execPath, [...flags, join(import.meta.dirname, 'hoarder.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    child.stdin.end(JSON.stringify(words))
    await once(child.stdout, 'data')
    return { operator: 'relay', ...(await takeResidue(folder, child.pid ?? 0)) }
  } finally {
    child.kill('SIGKILL')
  }
}
