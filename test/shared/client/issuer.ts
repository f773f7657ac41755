/** A development issuer on a loopback port, for tests of wallets; it keeps what it was asked. */
import { onTestFinished } from 'vitest'
import { createIssuer, requestPath } from '../../../deploy/local/issuer/app.ts'
import { generateKeys, type SigningKey } from '../../../deploy/local/issuer/keys.ts'
import { publishedKey, type Issuer } from '../../../shared/client/issuer.ts'
import { createWallet, type Wallet, type WalletOptions } from '../../../shared/client/wallet.ts'
import { listen } from '../../../shared/upstream/serve.ts'

export type Asked = { readonly type: string | null; readonly length: number; readonly names: readonly string[] }

export type TestIssuer = {
  readonly issuer: Issuer
  readonly keys: readonly SigningKey[]
  readonly asked: Asked[]
  /** Answers in place of the issuer, where it gives something. */
  instead: (count: number, answer: () => Promise<Response>) => Response | Promise<Response> | undefined
}

export async function testIssuer(
  name: string,
  origins: readonly string[],
  keys?: readonly SigningKey[],
): Promise<TestIssuer> {
  const known = keys ?? (await generateKeys())
  const app = createIssuer(known)
  const asked: Asked[] = []
  const made: { -readonly [K in keyof TestIssuer]: TestIssuer[K] } = {
    issuer: { name, origins, url: '', keys: known.map(({ type, tokenKey }) => publishedKey(type, tokenKey)) },
    keys: known,
    asked,
    instead: () => undefined,
  }
  const server = await listen({
    ...{ host: '127.0.0.1', port: 0, plaintextLoopback: true },
    async fetch(request, env) {
      const { headers } = request
      asked.push({
        type: headers.get('content-type'),
        length: Number(headers.get('content-length')),
        names: [...headers.keys()],
      })
      const answer = (): Promise<Response> => Promise.resolve(app.fetch(request, env))
      return made.instead(asked.length, answer) ?? answer()
    },
  })
  onTestFinished(() => server.close(0))
  made.issuer = { ...made.issuer, url: `http://127.0.0.1:${String(server.port)}${requestPath}` }
  return made
}

/** A wallet that never really waits. */
export function walletOf({ issuer }: Pick<TestIssuer, 'issuer'>, options: Partial<WalletOptions> = {}): Wallet {
  return createWallet({ issuer, plaintextLoopback: true, wait: () => Promise.resolve(), ...options })
}
