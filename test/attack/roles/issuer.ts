/** issX: an issuer of anonymous tokens, honest unless its script says otherwise, and what a relay or gateway is told of it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createIssuer, requestPath } from '../../../deploy/local/issuer/app.ts'
import type { SigningKey } from '../../../deploy/local/issuer/keys.ts'
import { base64url, fromHex, hex } from '../../../shared/bytes.ts'
import { publishedKey, type Issuer } from '../../../shared/client/issuer.ts'
import { challengeField, writeTokenChallenge } from '../../../shared/privacy-pass/challenge.ts'
import { blindRsa } from '../../../shared/privacy-pass/types.ts'
import type { Stage } from '../frame/stage.ts'
import { loopback } from './trap.ts'

export type IssuerScript = {
  /** signs with these too, for whoever asks under them; nobody is told of them */
  readonly hidden?: readonly SigningKey[]
}

export type IssuerX = {
  /** as an application ships it */
  readonly issuer: Issuer
  readonly key: SigningKey
  /** last octets of the key ids under which tokens were asked for, in order */
  readonly asked: readonly string[]
  /** the rows `tokens` of a relay or gateway that takes its tokens until then */
  readonly rows: (folder: string, until?: number) => Record<string, unknown>
}

export type IssuerNames = { readonly name: string; readonly origins: readonly string[] }

export const relayIssuer: IssuerNames = { name: 'relay-issuer.example', origins: ['relay.example'] }
export const gatewayIssuer: IssuerNames = { name: 'gateway-issuer.example', origins: ['app.asunder.example'] }

const hour = 3_600_000

export async function issuerX(
  stage: Pick<Stage, 'people' | 'defer'>,
  { name, origins }: IssuerNames,
  { hidden = [] }: IssuerScript = {},
): Promise<IssuerX> {
  const key = await signing(stage, name)
  const app = createIssuer([key, ...hidden])
  const asked: string[] = []
  const { port } = await loopback(stage, (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts)
      asked.push(hex(Uint8Array.from(body.subarray(2, 3))))
      const headers = { 'content-type': request.headers['content-type'] ?? '' }
      Promise.resolve(app.request(request.url ?? '/', { method: request.method ?? '', headers, body }))
        .then(async (answer) => {
          const { status } = answer
          response.writeHead(status, Object.fromEntries(answer.headers)).end(Buffer.from(await answer.arrayBuffer()))
        })
        .catch(() => response.destroy())
    })
  })
  const url = `http://127.0.0.1:${port}${requestPath}`
  const rows = (folder: string, until = Date.now() + hour): Record<string, unknown> => {
    const file = join(folder, `${name}.key`)
    writeFileSync(file, `${base64url(key.tokenKey)}\n`)
    return { issuer: name, origins, keys: [{ file, until: new Date(until).toISOString() }] }
  }
  return { issuer: { name, origins, url, keys: [publishedKey(key.type, key.tokenKey)] }, key, asked, rows }
}

/** The key of type 2 of an issuer of this name. */
export async function signing({ people }: Pick<Stage, 'people'>, name: string): Promise<SigningKey> {
  const key = (await people.signing(name)).find(({ type }) => type === blindRsa)
  if (key === undefined) throw new TypeError('an issuer has a key of type 2')
  return key
}

export type Challenging = IssuerNames & {
  readonly key: SigningKey
  /** empty, or 32 octets as hex */
  readonly context?: string
}

/** The `www-authenticate` of somebody who asks for tokens in these names, under this key. */
export function challengeOf({ name, origins, key, context = '' }: Challenging): string {
  const challenge = writeTokenChallenge({
    tokenType: key.type.id,
    issuerName: name,
    redemptionContext: fromHex(context),
    originInfo: origins,
  })
  return challengeField([{ challenge, tokenKey: key.tokenKey }])
}
