/** `asunder doctor`: a sound deployment has nothing to mend, and each rule is seen broken by a deployment that breaks it. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../../../shared/bytes.ts'
import { main } from '../../../../shared/client/commands/main.ts'
import { network } from '../../../../shared/client/doctor/network.ts'
import { mediaTypes } from '../../../../shared/http/media-types.ts'
import { issuedBy, selfSigned } from '../../../../shared/upstream/certificate.ts'
import { newTerminal } from '../terminal.ts'
import { serve } from '../town.ts'
import {
  clinic,
  failing,
  front,
  quiet,
  relayCertificate,
  seenOf,
  set,
  shown,
  visit,
  type Clinic,
  type FrontOptions,
  type Shown,
} from './clinic.ts'

const day = 86_400_000

function everything({ relay, gateway }: Pick<Clinic, 'relay' | 'gateway'>): string[] {
  return [relay, '--gateway', gateway, '--vantage', relay, '--trust', 'root.note', '--placement', 'front', ...quiet]
}

test('a sound deployment has nothing to mend, and everything was seen', async () => {
  const patient = await clinic()
  const { exit, found, err } = await visit(everything(patient), patient)
  expect(found.checks.filter(({ result }) => result !== 'ok')).toEqual([])
  expect([exit, err, found.ok, found.relay, found.gateway]).toEqual([0, '', true, patient.relay, patient.gateway])
  expect(found.checks.map(({ name }) => name)).toEqual([
    'tls.versions',
    'tls.certificate',
    'separation.host',
    'separation.network',
    'separation.certificate',
    'mirror.bundle',
    'mirror.keys',
    'mirror.vantage',
    'evidence.bundle',
    'limits.method',
    'limits.path',
    'limits.media-type',
    'limits.host',
    'limits.size',
    'limits.malformed',
    'plaintext.refused',
    'heads.closed',
    'heads.constant',
    'heads.cors',
  ])
})

test('cross-origin sharing that is switched on is no fault', async () => {
  const patient = await clinic({ relay: { cors: true } })
  const seen = await visit([patient.relay, ...quiet])
  expect([seen.exit, failing(seen).names]).toEqual([0, []])
  expect(seenOf(seen, 'heads.cors')).toEqual(['ok', 'on, the same for every origin'])
})

test('what was not given to compare with is not observable, and said', async () => {
  const patient = await clinic()
  const { exit, found } = await visit([patient.relay, ...quiet])
  const open = found.checks.filter(({ result }) => result === 'not observable').map(({ name }) => name)
  expect([exit, open]).toEqual([
    0,
    ['separation.host', 'separation.network', 'separation.certificate', 'mirror.vantage', 'evidence.bundle'],
  ])
})

test('a relay that answers to every host, as it may on loopback, says nothing of the rule', async () => {
  const patient = await clinic({ relay: { hosts: undefined } })
  const seen = await visit([patient.relay, ...quiet])
  expect([seen.exit, seenOf(seen, 'limits.host')[0]]).toEqual([0, 'not observable'])
})

test('nobody there: everything fails that needed an answer', async () => {
  const seen = await visit(['https://127.0.0.1:1/', ...quiet])
  expect([seen.exit, seenOf(seen, 'mirror.bundle')]).toEqual([1, ['fails', 'no answer (ECONNREFUSED)']])
  expect(failing(seen).names).toHaveLength(12)
})

describe('TLS', () => {
  const tls: [string, () => FrontOptions, string[], string][] = [
    ['an old version beside the new ones', () => ({ oldest: 'TLSv1' }), ['tls.versions'], 'TLSv1.1 is spoken'],
    ['no version 1.3', () => ({ newest: 'TLSv1.2' }), ['tls.versions'], 'TLS 1.3 is not spoken'],
    [
      'a certificate of an authority that nobody named',
      () => ({ shows: shown(issuedBy(stranger, { commonName: 'x', use: 'server', names: ['127.0.0.1'] })) }),
      ['tls.certificate'],
      'UNABLE_TO',
    ],
    [
      'a certificate for somebody else',
      () => ({ shows: relayCertificate(undefined, ['other.example']) }),
      ['tls.certificate'],
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    [
      'a certificate that has ended',
      () => ({ shows: relayCertificate(new Date(Date.now() - 60_000)) }),
      ['tls.certificate'],
      'CERT_HAS_EXPIRED',
    ],
    [
      'a certificate that ends next week',
      () => ({ shows: relayCertificate(new Date(Date.now() + 8 * day)) }),
      ['tls.certificate'],
      '7 days left',
    ],
  ]
  const stranger = selfSigned({ commonName: 'a stranger', use: 'authority' })
  test.each(tls)('%s', async (_, options, names, words) => {
    const relay = await front(await clinic(), options())
    const seen = await visit([relay, ...quiet])
    expect([seen.exit, failing(seen)]).toEqual([1, { names, seen: expect.stringContaining(words) as string }])
  })
})

describe('separation', () => {
  test('one host, and so one address', async () => {
    const patient = await clinic({ gatewayHost: '127.0.0.1' })
    const { names, seen } = failing(await visit(everything(patient), patient))
    expect(names).toEqual(['separation.host', 'separation.network', 'separation.certificate'])
    expect(seen).toContain('one address for both: 127.0.0.1')
    expect(seen).toContain('both certificates name IP Address:127.0.0.1')
  })

  test('one network', async () => {
    const patient = await clinic({ gatewayHost: '127.0.0.77' })
    const { names, seen } = failing(await visit(everything(patient), patient))
    expect([names, seen]).toEqual([['separation.network'], expect.stringContaining('one network for both')])
  })

  const names = ['127.0.1.1', '127.0.0.1'] as const
  const both = (relayShows: Shown, gatewayShows: Shown) => ({ relayShows, gatewayShows })
  test.each<[string, () => { relayShows: Shown; gatewayShows: Shown }, string]>([
    ['one key', () => both(...withOneKey()), 'one key for both'],
    ['one organisation', () => both(ofCompany('127.0.0.1'), ofCompany('127.0.1.1')), 'both belong to One Company'],
    [
      'one certificate that names both',
      () => both(relayCertificate(undefined, names), relayCertificate(undefined, names)),
      'both certificates name',
    ],
    [
      'one private authority',
      () => both(relayCertificate(), relayCertificate(undefined, ['127.0.1.1'])),
      'one private authority for both (CN=authority of the relay)',
    ],
  ])('%s', async (_, shows, words) => {
    const patient = await clinic(shows())
    const seen = await visit(everything(patient), patient)
    const [result, found] = seenOf(seen, 'separation.certificate')
    expect([seen.exit, result, found]).toEqual([1, 'fails', expect.stringContaining(words)])
  })

  test.each([
    ['192.0.2.1', '192.0.2.254', true],
    ['192.0.2.1', '192.0.3.1', false],
    ['::ffff:192.0.2.1', '192.0.2.9', true],
    ['2001:db8:1:2::1', '2001:0db8:0001:ffff::', true],
    ['2001:db8:1::', '2001:db8:2::', false],
    ['2001:db8::1', '2001:db8:0:5::1', true],
    ['::1', '1::', false],
  ])('%s and %s in one network: %s', (one, other, same) => {
    expect(network(one) === network(other)).toBe(same)
  })
})

test('evidence: a bundle that no client would use', async () => {
  const [patient, other] = [await clinic(), await clinic()]
  const judged = await visit(everything(patient), { root: other.root })
  expect(failing(judged)).toEqual({ names: ['evidence.bundle'], seen: expect.stringContaining('signature') as string })
  const late = failing(await visit(everything(patient), { root: patient.root, now: Date.now() + 13 * 3_600_000 }))
  expect([late.names, late.seen]).toEqual([['evidence.bundle'], expect.stringContaining('bundle-expired')])
})

describe('plaintext', () => {
  const served: [string, RequestListener, string, string][] = [
    [
      'takes requests',
      (_, out) => void out.writeHead(400, { 'content-type': mediaTypes.problem }).end('{}'),
      'fails',
      '400',
    ],
    [
      'serves the bundle',
      (ask, out) => void out.writeHead(ask.method === 'GET' ? 200 : 404).end('asunder'),
      'fails',
      '200',
    ],
    ['redirects', (_, out) => void out.writeHead(308, { location: 'https://127.0.0.1/' }).end(), 'ok', '308'],
    ['has a page of its own', (_, out) => void out.writeHead(404, { 'content-type': 'text/html' }).end(), 'ok', '404'],
  ]
  test.each(served)('%s', async (_, listener, result, words) => {
    const patient = await clinic()
    const { url, close } = await serve(listener)
    const seen = await visit([patient.relay, '--http-port', new URL(url).port])
    await close()
    expect(seenOf(seen, 'plaintext.refused')).toEqual([result, expect.stringContaining(words)])
    expect(seen.exit).toBe(result === 'ok' ? 0 : 1)
  })
})

describe('the command', () => {
  const relay = 'https://relay.example/'
  test.each([
    [[], '--relay is missing'],
    [[relay, relay], 'exactly one URL'],
    [['relay.example'], 'URL: not a URL'],
    [['http://127.0.0.1/'], '--plaintext-loopback'],
    [['http://relay.example/', '--plaintext-loopback'], 'loopback addresses only'],
    [[relay, '--gateway', 'ftp://gateway.example/'], '--gateway: the address must be https'],
    [[relay, '--placement', 'front'], '--trust is missing'],
    [[relay, '--trust', 'root.note'], '--placement is missing'],
    [[relay, '--trust', 'root.note', '--placement', 'behind'], '--placement: one of front, inside, sealed'],
    [[relay, '--http-port', '0'], '--http-port: a whole number'],
    [[relay, '--fast'], '--fast'],
  ])('%j makes no sense', async (args, words) => {
    const terminal = newTerminal()
    terminal.files.set('root.note', utf8('a root'))
    expect(await main(['doctor', ...args], terminal)).toBe(2)
    expect([terminal.shown.out, terminal.shown.err]).toEqual(['', expect.stringContaining(words)])
  })

  test('tells people what fails, what was seen and what to mend; and what it could not see', async () => {
    const patient = await clinic()
    const url = await front(patient, { change: (answer) => set(answer, 'via', '1.1 proxy') })
    const terminal = newTerminal()
    // Without --ca, so that the certificate is nobody's.
    expect(await main(['doctor', url, ...quiet], terminal)).toBe(1)
    const { out } = terminal.shown
    expect(out).toContain(
      '  FAILS heads.closed: no answer has a field that the relay did not put there\n        via: 1.1 proxy',
    )
    expect(out).toContain('        mend: take the fields away in the proxy')
    expect(out).toMatch(/hint: an answer takes \d+ ms/)
    expect(out).toContain('mend: renew the certificate')
    expect(out).toContain('\n2 to mend; 5 not observable\n')
  })
})

/** Two certificates over one key. */
function withOneKey(): [Shown, Shown] {
  const one = ofCompany('127.0.0.1', 'One')
  return [one, ofCompany('127.0.1.1', 'Other', one.key)]
}

/** Made by openssl, as operators make theirs. */
function ofCompany(name: string, company = 'One Company', key?: string): Shown {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-doctor-'))
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-keyout', keyFile]
  const about = ['-subj', `/O=${company}/CN=${name}`, '-addext', `subjectAltName=IP:${name}`, '-days', '60']
  const input = key === undefined ? fresh : ['-key', keyFile]
  if (key !== undefined) writeFileSync(keyFile, key)
  execFileSync('openssl', ['req', '-x509', ...input, ...about, '-out', certFile], { stdio: 'ignore' })
  const made = { key: key ?? readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') }
  rmSync(folder, { recursive: true })
  return made
}
