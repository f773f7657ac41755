/** Door of `npm run issuer`: a development issuer, until it is told to stop. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { base64url } from '../../../shared/bytes.ts'
import { publishedKey, type Issuer } from '../../../shared/client/issuer.ts'
import { exitCodeOf, SettingsError } from '../../../shared/config/read.ts'
import { listen, type ServeTls } from '../../../shared/upstream/serve.ts'
import { createIssuer, requestPath } from './app.ts'
import { generateKeys, type SigningKey } from './keys.ts'

const help = `Usage: npm run issuer -- --name NAME --origins LIST --out FOLDER [options]

Runs a DEVELOPMENT issuer of anonymous tokens (Privacy Pass, types 1 and 2). It gives tokens to whoever asks, with keys
that are made anew at each start, so it protects nothing: it is for trying relay, gateway and clients out.

  --name NAME        issuer name, as tokens.issuer of relay or gateway has it
  --origins LIST     whom its tokens are for, separated by commas, exactly as tokens.origins has it
  --out FOLDER       where it writes issuer.json (for clients: --relay-issuer, --gateway-issuer), type2.key (for
                     tokens.keys) and type1.secret (for tokens.secretKeys of a gateway)
  --host, --port     where to listen (default: 127.0.0.1, any port)
  --tls-key FILE, --tls-cert FILE
                     serve with TLS; without them it listens on loopback only
  -h, --help         this text
`

const options = {
  name: { type: 'string' },
  origins: { type: 'string' },
  out: { type: 'string' },
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '0' },
  'tls-key': { type: 'string' },
  'tls-cert': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

async function main(): Promise<void> {
  const { values } = parseArgs({ options })
  if (values.help === true) return void process.stdout.write(help)
  const { name, origins, out, host, port } = values
  if (name === undefined || origins === undefined || out === undefined) {
    throw mistake('--name, --origins and --out', 'are needed', 'give them; see --help')
  }
  if (!/^\d{1,5}$/.test(port))
    throw mistake('--port', 'is no number from 0 to 65535', 'leave it out for any that is free')
  const tls = tlsOf(values['tls-key'], values['tls-cert'])
  const keys = await generateKeys()
  const { fetch } = createIssuer(keys)
  const server = await listen({ fetch, host, port: Number(port), tls, plaintextLoopback: true })
  const url = `${tls === undefined ? 'http' : 'https'}://${host}:${String(server.port)}${requestPath}`
  write(out, { name, origins: origins.split(',').filter(Boolean), url, keys: published(keys) }, keys)
  process.stdout.write(`DEVELOPMENT issuer ${name} at ${url}; files in ${out}\n`)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => void server.close(0).finally(() => process.exit(0)))
  }
}

function published(keys: readonly SigningKey[]): Issuer['keys'] {
  return keys.map(({ type, tokenKey }) => publishedKey(type, tokenKey))
}

function write(folder: string, issuer: Issuer, keys: readonly SigningKey[]): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'issuer.json'), `${JSON.stringify(issuer, null, 2)}\n`)
  for (const { type, tokenKey, secretKey } of keys) {
    writeFileSync(join(folder, `type${String(type.id)}.key`), `${base64url(tokenKey)}\n`)
    if (secretKey === undefined) continue
    writeFileSync(join(folder, `type${String(type.id)}.secret`), `${base64url(secretKey)}\n`, { mode: 0o600 })
  }
}

function tlsOf(key: string | undefined, cert: string | undefined): ServeTls | undefined {
  if (key === undefined && cert === undefined) return undefined
  if (key === undefined || cert === undefined) {
    throw mistake('--tls-key and --tls-cert', 'go together', 'give the other one too, or none')
  }
  return { key: readFileSync(key), cert: readFileSync(cert) }
}

function mistake(path: string, wrong: string, remedy: string): SettingsError {
  return new SettingsError([{ where: '', path, wrong, remedy }])
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : 'could not start'}\n`)
  process.exit(exitCodeOf(error))
})
