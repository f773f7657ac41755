/** A whole local pair with an app of the bench's own behind it, and a client in front. */
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { appOrigin } from '../../deploy/local/pair/settings.ts'
import { startPair, type Address, type Pair, type Wire } from '../../deploy/local/pair/pair.ts'
import { createRecorder, type Recorder } from '../../deploy/local/seen/recorder.ts'
import { createObliviousFetch, type ObliviousFetch } from '../../shared/client/index.ts'
import type { Profile } from '../../shared/shaping/profile.ts'

export type Chain = {
  readonly pair: Pair
  readonly fetch: ObliviousFetch
  readonly origin: string
  /** the process behind the CVM's socket */
  readonly appPid: number
  /** octets that clients have been sent so far, of which the relay keeps no count */
  octets(): number
  stop(): Promise<void>
}

/** `counted`: with somebody on the wire to the relay who counts, and costs a little. */
export async function startChain(options: { profile?: Profile; counted?: boolean } = {}): Promise<Chain> {
  const { profile = 'direct', counted = false } = options
  const folder = mkdtempSync(join(tmpdir(), 'asunder-chain-'))
  const path = join(folder, 'app.sock')
  const app = fork(join(import.meta.dirname, 'pair-app.ts'), [path], { stdio: 'inherit' })
  await new Promise((listening) => app.once('message', listening))
  let tap: Recorder | undefined
  const onWire = async <A extends Address>(wire: Wire, to: A): Promise<A> => {
    if (wire === 'app') return { path } as typeof to
    if (wire !== 'relay' || !counted || !('port' in to)) return to
    tap = await createRecorder({ to: () => ({ host: '127.0.0.1', port: to.port }) })
    return { ...to, port: tap.port }
  }
  const pair = await startPair({ profile, onWire })
  const trust = readFileSync(pair.trust, 'utf8')
  const fetch = createObliviousFetch({ relay: pair.relay, trust, placement: 'front', plaintextLoopback: true })
  return {
    pair,
    fetch,
    origin: appOrigin,
    appPid: app.pid ?? 0,
    octets: () => (tap?.recordings() ?? []).reduce((sum, { backward }) => sum + backward.length, 0),
    async stop() {
      await pair.stop()
      tap?.close()
      app.disconnect()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
