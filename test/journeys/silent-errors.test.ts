/**
 * Canaries in what operators hand over and get wrong, and in tokens: files that are read again, stores that break, settings
 * and commands that are refused, tokens that are taken, spent twice or none. None of them is in anything that is said.
 * privacy.md 4.7, conformance OPS-1.
 */
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { base64url, utf8 } from '../../shared/bytes.ts'
import { writeTokenChallenge } from '../../shared/privacy-pass/challenge.ts'
import { tokenField } from '../../shared/privacy-pass/token.ts'
import { certificatePem, privateKeyPem, selfSigned } from '../../shared/upstream/certificate.ts'
import { root } from '../house/walk.ts'
import { mark, type Canary } from '../leaktest/canary/canaries.ts'
import { createScanner } from '../leaktest/canary/scan.ts'
import { mint } from '../shared/privacy-pass/mint.ts'
import { pinLine } from '../shared/upstream/pin-line.ts'

const canaries: Canary[] = []
function plant(id: string, value = mark('obs', (length) => randomBytes(length))): string {
  canaries.push({ id, field: 'F29', kind: 'text', value })
  return value
}
const said: [where: string, text: string][] = []
let folder = ''
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 })

function tell(where: string, door: string, words: readonly string[], env: Record<string, string> = {}): number | null {
  const args = ['--disable-warning=ExperimentalWarning', `${door}/main.ts`, ...words]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', env })
  said.push([where, stdout + stderr])
  return status
}

beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'asunder-silent-'))))
afterAll(() => rmSync(folder, { recursive: true }))

describe('a relay with tokens', () => {
  const issuer = mint()
  const challenge = writeTokenChallenge({
    tokenType: 2,
    issuerName: 'issuer.example',
    redemptionContext: new Uint8Array(0),
    originInfo: ['relay.example'],
  })
  const told = { text: '', port: 0 }
  const statuses: number[] = []

  async function ask(authorization: string): Promise<void> {
    const headers = { 'content-type': 'message/ohttp-req', authorization }
    const answer = await fetch(`http://127.0.0.1:${told.port}/`, { method: 'POST', headers, body: 'x' })
    statuses.push(answer.status)
    said.push(['answer to a token', [...answer.headers, await answer.text()].join()])
  }

  function freshToken(id: string): string {
    const field = tokenField(issuer.token(challenge))
    plant(id, field.slice(30, 70))
    return field
  }

  beforeAll(async () => {
    const [gateway, shown] = [
      selfSigned({ commonName: 'gateway', use: 'server' }),
      selfSigned({ commonName: 'relay', use: 'client' }),
    ]
    write('issuer.key', base64url(issuer.verifier.tokenKey))
    write('gateway.pins', pinLine(gateway.privateKey))
    write('own.key', privateKeyPem(shown))
    write('own.pem', certificatePem(shown))
    const until = new Date(Date.now() + 86_400_000).toISOString()
    const settings = {
      listen: { port: 0, plaintextLoopback: true },
      routes: [
        {
          gateway: 'https://127.0.0.1:1',
          pins: 'gateway.pins',
          clientCertificate: { key: 'own.key', cert: 'own.pem' },
        },
      ],
      tokens: {
        issuer: 'issuer.example',
        origins: ['relay.example'],
        keys: [{ file: 'issuer.key', until }],
        store: { file: 'tokens.db' },
      },
    }
    write('relay.json', JSON.stringify(settings))
    const args = ['--disable-warning=ExperimentalWarning', 'relay/main.ts', '--config', join(folder, 'relay.json')]
    const child = spawn(process.execPath, args, { cwd: root, env: {} })
    child.stdout.on('data', (text: Buffer) => void (told.text += String(text)))
    child.stderr.on('data', (text: Buffer) => void (told.text += String(text)))
    const heard = (pattern: RegExp) => vi.waitFor(() => expect(told.text).toMatch(pattern), 10_000)
    await heard(/"event":"started"/)
    told.port = Number(/"port":(\d+)/.exec(told.text)?.[1])

    const twice = freshToken('token.twice')
    await ask(twice)
    await ask(twice)
    await ask(`PrivateToken token="${plant('token.garbage')}"`)
    await ask(`PrivateToken token="${base64url(utf8(plant('token.encoded')))}"`)
    for (const name of ['gateway.pins', 'own.key', 'own.pem']) write(name, plant(`reread.${name}`))
    child.kill('SIGHUP')
    await heard(/"event":"route-reread","route":0,"result":"(?!same|changed)/)
    write('tokens.db', plant('store').repeat(400))
    write('tokens.db-wal', plant('store.wal').repeat(400))
    await ask(freshToken('token.broken-store'))
    child.kill('SIGTERM')
    await new Promise<void>((resolve) => child.once('close', () => resolve()))
    said.push(['relay', told.text])
  }, 60_000)

  test('takes one, and neither the same again nor what is none', () => {
    expect(statuses.slice(0, 4)).toEqual([502, 401, 401, 401])
    expect(statuses[4]).toBeGreaterThanOrEqual(500)
  })
})

describe('commands that are refused', () => {
  const front = {
    placement: 'front',
    listen: { port: 0, tls: { key: 'server.key', cert: 'server.pem' } },
    relays: [{ name: 'first', pins: 'first.pins' }],
    trust: 'root.note',
    policy: 'policy.note',
    cvm: { host: '127.0.0.1', port: 1, role: 'app', identity: { key: 'cvm.key', cert: 'cvm.pem' } },
    targets: ['https://app.example'],
    keys: { file: 'keys.json' },
    store: { kind: 'sqlite', file: 'claims.db' },
    bundle: { file: 'bundle.note', signer: 'bundle.skey' },
  }

  test('because of what is in files: each says so with 1 or 2, whichever command', () => {
    const files = ['server.key', 'server.pem', 'first.pins', 'root.note', 'policy.note', 'cvm.key', 'cvm.pem']
    for (const name of [...files, 'keys.json', 'claims.db', 'bundle.note', 'bundle.skey']) write(name, plant(name))
    write('gateway.json', JSON.stringify(front))
    const commands = [['config', 'check'], [], ['publish'], ['turn-keys'], ['rotate-keys'], ['revoke-keys']]
    const statuses = commands.map((words) =>
      tell(`gateway ${words.join(' ')}`, 'gateway', [...words, '--config', join(folder, 'gateway.json')]),
    )
    expect(statuses.map((status) => status === 1 || status === 2)).toEqual(commands.map(() => true))
    expect(statuses.slice(0, 2)).toEqual([2, 2])
  })

  test('because a secret stands where the name of its file belongs: in settings, a variable or a flag', () => {
    const valkey = { host: '127.0.0.1', password: plant('password') }
    const tokens = { issuer: 'i', origins: ['o'], secretKeys: [plant('secretKeys')] }
    const text = JSON.stringify({ ...front, store: { kind: 'valkey', valkey }, tokens })
    write('gateway.json', text)
    const config = ['config', 'check', '--config', join(folder, 'gateway.json')]
    expect(tell('by value', 'gateway', config)).toBe(2)
    const env = { ASUNDER_GATEWAY_BUNDLE_SIGNER: plant('variable'), ASUNDER_GATEWAY_PASSWORD: plant('unknown') }
    expect(tell('by variable', 'gateway', config, env)).toBe(2)
    expect(tell('by flag', 'gateway', [...config, '--listen.tls.key', plant('flag')])).toBe(2)
  }, 30_000)
})

test('no canary is in anything that was said, and the search would have found it', () => {
  const scanner = createScanner(canaries)
  expect(canaries.length).toBeGreaterThan(20)
  const found = (text: string): string[] => scanner.scan(Buffer.from(text, 'latin1')).map(({ canary }) => canary.id)
  expect(said.flatMap(([where, text]) => found(text).map((id) => `${where}: ${id}`))).toEqual([])
  expect(canaries.filter(({ id, value }) => !found(`"why":"${value}"`).includes(id))).toEqual([])
  expect(readFileSync(join(folder, 'gateway.json'), 'utf8')).toContain('valkey')
})
