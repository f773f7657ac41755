/** Certificates of our own making are read back by OpenSSL, and TLS believes them no further than they say. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { X509Certificate } from 'node:crypto'
import { connect, createServer } from 'node:tls'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import {
  certificatePem,
  type Identity,
  issuedBy,
  pinOf,
  privateKeyPem,
  selfSigned,
} from '../../../shared/upstream/certificate.ts'

const authority = selfSigned({ commonName: 'Test authority', use: 'authority' })
const server = issuedBy(authority, {
  commonName: 'relay',
  use: 'server',
  names: ['localhost', '127.0.0.1', '::1', '2001:db8::17'],
})

const read = (identity: Identity) => new X509Certificate(certificatePem(identity))

test('a self-signed certificate verifies under its own key and no other', () => {
  const certificate = read(authority)
  expect(certificate.verify(certificate.publicKey)).toBe(true)
  expect(certificate.verify(read(server).publicKey)).toBe(false)
  expect(certificate.ca).toBe(true)
  expect(certificate.subject).toBe('CN=Test authority')
  expect(certificate.checkPrivateKey(authority.privateKey)).toBe(true)
})

test('an issued certificate names its authority, its names and its use', () => {
  const certificate = read(server)
  expect(certificate.checkIssued(read(authority))).toBe(true)
  expect(certificate.verify(read(authority).publicKey)).toBe(true)
  expect(certificate.ca).toBe(false)
  expect(certificate.subjectAltName).toBe(
    'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:2001:DB8:0:0:0:0:0:17',
  )
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
})

test('the pin is the same from the private key and from the certificate', () => {
  expect(pinOf(server.privateKey)).toBe(pinOf(read(server).publicKey))
  expect(pinOf(server.privateKey)).toMatch(/^[0-9a-f]{64}$/)
})

test('two certificates never share a key or a serial number', () => {
  const [one, two] = [selfSigned({ commonName: 'x', use: 'server' }), selfSigned({ commonName: 'x', use: 'server' })]
  expect(pinOf(one.privateKey)).not.toBe(pinOf(two.privateKey))
  expect(read(one).serialNumber).not.toBe(read(two).serialNumber)
})

test.each([
  ['2026-02-03T04:05:06Z', 'Feb  3 04:05:06 2026 GMT'],
  ['2050-01-01T00:00:00Z', 'Jan  1 00:00:00 2050 GMT'],
])('validity %s is read back', (at, text) => {
  const certificate = read(selfSigned({ commonName: 'x', use: 'server', notAfter: new Date(at) }))
  expect(certificate.validTo).toBe(text)
})

const openssl = spawnSync('openssl', ['version']).error === undefined

test.skipIf(!openssl)('openssl verifies the chain strictly and refuses the wrong purpose', () => {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-cert-'))
  try {
    writeFileSync(join(folder, 'ca.pem'), certificatePem(authority))
    writeFileSync(join(folder, 'leaf.pem'), certificatePem(server))
    const verify = (purpose: string) =>
      execFileSync(
        'openssl',
        ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', join(folder, 'ca.pem'), join(folder, 'leaf.pem')],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
      )
    expect(verify('sslserver')).toContain('OK')
    expect(() => verify('sslclient')).toThrow()
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('TLS accepts the leaf for its names under its authority', async () => {
  const listener = createServer({ key: privateKeyPem(server), cert: certificatePem(server) }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const socket = connect({ host: '127.0.0.1', port, ca: certificatePem(authority), servername: 'localhost' })
  await once(socket, 'secureConnect')
  expect(socket.authorized).toBe(true)
  socket.destroy()
  listener.close()
})
