/**
 * Development issuers of anonymous tokens, one for the relay and one for the gateway, each with a tap before it: what goes
 * over that is what an issuer sees. A client shows each its account, as it would to a real one. privacy.md 1.2 (F23, F24).
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Agent, fetch } from 'undici'
import { createIssuer, requestPath } from '../../../deploy/local/issuer/app.ts'
import { generateKeys } from '../../../deploy/local/issuer/keys.ts'
import { base64url } from '../../../shared/bytes.ts'
import { publishedKey, type Issuer } from '../../../shared/client/issuer.ts'
import type { PlatformFetch } from '../../../shared/client/transport-fetch.ts'
import { createWallet, type Wallet } from '../../../shared/client/wallet.ts'
import { listen } from '../../../shared/upstream/serve.ts'
import { createTap, type Tap } from './tap.ts'

export const sides = ['relay', 'gateway'] as const
export type Side = (typeof sides)[number]

export type LabIssuer = {
  readonly issuer: Issuer
  readonly tap: Tap
  /** what relay or gateway is told in its settings; the key is written into its folder */
  settings(folder: string): object
  close(): Promise<void>
}

const life = 3_600_000

export async function startIssuer(side: Side, now: () => number = Date.now): Promise<LabIssuer> {
  const keys = (await generateKeys()).filter(({ type }) => type.id === 2)
  const server = await listen({ fetch: createIssuer(keys).fetch, host: '127.0.0.1', port: 0, plaintextLoopback: true })
  const tap = await createTap({ to: { host: '127.0.0.1', port: server.port } })
  const url = `http://127.0.0.1:${String(tap.port)}${requestPath}`
  const about = { name: `${side}.issuer.example`, origins: [`${side}.example`] }
  const issuer = { ...about, url, keys: keys.map(({ type, tokenKey }) => publishedKey(type, tokenKey)) }
  return {
    issuer,
    tap,
    settings: (folder) => {
      const [key] = keys
      writeFileSync(join(folder, 'issuer.key'), `${base64url(key?.tokenKey ?? new Uint8Array())}\n`)
      const until = new Date(now() + life).toISOString()
      return { issuer: about.name, origins: about.origins, keys: [{ file: 'issuer.key', until }] }
    },
    close: async () => {
      tap.close()
      await server.close(0)
    },
  }
}

export type Watched = { readonly wallet: Wallet; readonly given: readonly string[]; close(): Promise<void> }

/** A client's wallet, which asks from that client's own address and shows its account; what it gives is remembered. */
export function walletAt({ issuer }: LabIssuer, { address, account }: { address: string; account: string }): Watched {
  const agent = new Agent({ localAddress: address })
  const shown: PlatformFetch = async (url, { headers, ...init }) => {
    const fields = { ...(headers as Record<string, string>), authorization: `Account ${account}` }
    const answer = await fetch(url, { ...(init as object), headers: fields, dispatcher: agent })
    const told = { status: answer.status, headers: Object.fromEntries(answer.headers) }
    return new Response(await answer.arrayBuffer(), told)
  }
  const inner = createWallet({ issuer, fetch: shown, plaintextLoopback: true, batch: 4, delay: 0 })
  const given: string[] = []
  const wallet: Wallet = {
    issuer,
    fill: () => inner.fill(),
    accept: (field) => inner.accept(field),
    holdings: () => inner.holdings(),
    take: async () => {
      const token = await inner.take()
      given.push(token)
      return token
    },
  }
  return { wallet, given, close: () => agent.close() }
}
