/** The development issuer: RFC 9578's directory and issuance, and a process that stays on its machine. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createIssuer, directoryPath, requestPath } from '../../../../deploy/local/issuer/app.ts'
import { generateKeys, type SigningKey } from '../../../../deploy/local/issuer/keys.ts'
import { base64url, concat, fromBase64url, uint16, uint8, type Bytes } from '../../../../shared/bytes.ts'
import { readIssuer } from '../../../../shared/client/tokens.ts'
import { main } from '../../../../shared/client/commands/main.ts'
import { voprfVerifier } from '../../../../shared/privacy-pass/voprf.ts'
import { root } from '../../../house/walk.ts'
import { newTerminal } from '../../../shared/client/terminal.ts'

let keys: readonly SigningKey[]
beforeAll(async () => {
  keys = await generateKeys()
})

const requestType = 'application/private-token-request'
const send = (body: Bytes, type = requestType, path = requestPath) =>
  Promise.resolve(createIssuer(keys).request(path, { method: 'POST', headers: { 'content-type': type }, body }))

const keyOf = (type: number): SigningKey => {
  const key = keys.find((one) => one.type.id === type)
  if (key === undefined) throw new TypeError('no such key')
  return key
}
const requestFor = (type: number, message: Bytes): Bytes =>
  concat(uint16(type), uint8(keyOf(type).keyId[31] ?? 0), message)

test('the directory names its resource and its keys', async () => {
  const answer = await createIssuer(keys).request(directoryPath)
  expect(answer.headers.get('content-type')).toBe('application/private-token-issuer-directory')
  expect(await answer.json()).toEqual({
    'issuer-request-uri': '/token-request',
    'token-keys': keys.map(({ type, tokenKey }) => ({ 'token-type': type.id, 'token-key': base64url(tokenKey) })),
  })
})

describe('requests', () => {
  test.each([
    ['nothing', () => new Uint8Array()],
    ['an unknown type', () => concat(uint16(3), new Uint8Array(257))],
    ['another key', () => concat(uint16(2), uint8((keyOf(2).keyId[31] ?? 0) ^ 1), new Uint8Array(256))],
    ['a short message', () => requestFor(2, new Uint8Array(255))],
    ['a long message', () => requestFor(2, new Uint8Array(257))],
    ['a message above the modulus', () => requestFor(2, new Uint8Array(256).fill(0xff))],
    ['no point of the curve', () => requestFor(1, new Uint8Array(49).fill(2))],
    ['the point at infinity', () => requestFor(1, new Uint8Array(49))],
  ])('422 for %s', async (_what, body) => {
    expect((await send(body())).status).toBe(422)
  })

  test('415 for another type, 404 for another place', async () => {
    const body = requestFor(2, new Uint8Array(256).fill(1))
    expect((await send(body, 'text/plain')).status).toBe(415)
    expect((await send(body, requestType, '/')).status).toBe(404)
    expect((await send(body)).status).toBe(200)
  })
})

describe('the process', () => {
  function issuer(...args: string[]): { child: ChildProcess; out: () => string; err: () => string } {
    const flags = ['--disable-warning=ExperimentalWarning', 'deploy/local/issuer/main.ts']
    const child = spawn(process.execPath, [...flags, ...args], { cwd: root })
    const said = { out: '', err: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text))
    onTestFinished(() => void child.kill('SIGKILL'))
    return { child, out: () => said.out, err: () => said.err }
  }

  function folder(): string {
    const path = mkdtempSync(join(tmpdir(), 'issuer-'))
    onTestFinished(() => rmSync(path, { recursive: true, force: true }))
    return path
  }

  test('says that it is for development, writes what each side needs, and fills a wallet from the command line', async () => {
    const out = folder()
    const { child, out: said } = issuer('--name', 'issuer.example', '--origins', 'a.example,b.example', '--out', out)
    await expect
      .poll(said, { timeout: 10_000 })
      .toMatch(/^DEVELOPMENT issuer issuer\.example at http:\/\/127\.0\.0\.1:/)
    const file = join(out, 'issuer.json')
    const read = readIssuer(readFileSync(file, 'utf8'))
    expect([read.name, read.origins, read.keys.map(({ type }) => type)]).toEqual([
      'issuer.example',
      ['a.example', 'b.example'],
      [2, 1],
    ])
    const line = (name: string): Bytes => fromBase64url(readFileSync(join(out, name), 'utf8').trim())
    expect(base64url(line('type2.key'))).toBe(read.keys[0]?.key)
    expect(base64url(voprfVerifier(line('type1.secret')).tokenKey)).toBe(read.keys[1]?.key)
    expect(statSync(join(out, 'type1.secret')).mode & 0o777).toBe(0o600)

    const terminal = newTerminal({ readFile })
    const { shown } = terminal
    expect(await main(['token', 'fetch', '--issuer', file, '--plaintext-loopback'], terminal)).toBe(0)
    expect(shown.err).toBe('32 tokens of issuer.example in the wallet\n')
    expect(statSync(`${file}.wallet`).mode & 0o777).toBe(0o600)
    expect(await main(['token', 'show', '--issuer', file, '--plaintext-loopback'], terminal)).toBe(0)
    expect(shown.out).toMatch(
      /^issuer +issuer\.example\nfor +a\.example, b\.example\nin all +32 tokens\n32 tokens +type 2, key /,
    )
    expect(shown.out).not.toContain(readFileSync(`${file}.wallet`, 'utf8').slice(200, 240))
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test.each([
    [
      'off loopback without TLS',
      ['--name', 'i', '--origins', 'a', '--host', '0.0.0.0'],
      /plaintext is served on loopback only/,
    ],
    ['half of TLS', ['--name', 'i', '--origins', 'a', '--tls-key', 'k'], /go together/],
    ['without a name', ['--origins', 'a'], /--name/],
    ['at a port that is none', ['--name', 'i', '--origins', 'a', '--port', 'x'], /--port/],
  ])('does not start %s', async (_what, args, says) => {
    const { child, err } = issuer(...args, '--out', folder())
    expect(await once(child, 'exit')).toEqual([2, null])
    expect(err()).toMatch(says)
  })
})
