/** A whole local pair with an app of the bench's own behind it, and a client in front. */
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { appOrigin } from '../../deploy/local/pair/settings.ts'
import { startPair, type Pair } from '../../deploy/local/pair/pair.ts'
import { createObliviousFetch, type ObliviousFetch } from '../../shared/client/index.ts'

export type Chain = {
  readonly pair: Pair
  readonly fetch: ObliviousFetch
  readonly origin: string
  /** the process behind the CVM's socket */
  readonly appPid: number
  stop(): Promise<void>
}

export async function startChain(): Promise<Chain> {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-chain-'))
  const path = join(folder, 'app.sock')
  const app = fork(join(import.meta.dirname, 'pair-app.ts'), [path], { stdio: 'inherit' })
  await new Promise((listening) => app.once('message', listening))
  const pair = await startPair({ onWire: (wire, to) => Promise.resolve(wire === 'app' ? ({ path } as typeof to) : to) })
  const trust = readFileSync(pair.trust, 'utf8')
  const fetch = createObliviousFetch({ relay: pair.relay, trust, placement: 'front', plaintextLoopback: true })
  return {
    pair,
    fetch,
    origin: appOrigin,
    appPid: app.pid ?? 0,
    async stop() {
      await pair.stop()
      app.disconnect()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
