/** A whole gateway that knows its relays by their keys, and learns new ones while it serves. trust.md 1, OHTTP-R21. */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { expect, onTestFinished, test, vi } from 'vitest'
import { gatewaySettings } from '../../gateway/config.ts'
import { openGateway } from '../../gateway/service.ts'
import { certificatePem, pinOf, privateKeyPem, selfSigned } from '../../shared/upstream/certificate.ts'
import type { Identity } from '../../shared/upstream/certificate.ts'
import { pinLine } from '../shared/upstream/pin-line.ts'
import { place, worldOf } from './settled.ts'

const server = selfSigned({ commonName: 'gateway', use: 'server', names: ['127.0.0.1'] })
const renewed = selfSigned({ commonName: 'gateway', use: 'server', names: ['127.0.0.1'] })
const [first, second] = ['first', 'second'].map((commonName) => selfSigned({ commonName, use: 'client' })) as [
  Identity,
  Identity,
]
const pin = (identity: Identity, days?: number): string => pinLine(identity.privateKey, days)

async function started(relays = ['first']) {
  const more = {
    listen: { port: 0, tls: { key: 'server.key', cert: 'server.pem' } },
    relays: relays.map((name) => ({ name, pins: `${name}.pins` })),
  }
  const { folder, settings } = await place(undefined, more)
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 })
  const show = (identity: Identity): void => {
    write('server.key', privateKeyPem(identity))
    write('server.pem', certificatePem(identity))
  }
  show(server)
  write('first.pins', pin(first))
  const world = worldOf(folder)
  const open = () => openGateway(gatewaySettings(JSON.stringify(settings), 'test'), world)
  return { folder, open, write, show, lines: world.lines, clock: world.clock }
}

/** The key that the gateway showed, and the first line of its answer, if any. */
async function ask(port: number, own: Identity): Promise<{ shown: string; heard: string }> {
  const shown = { key: privateKeyPem(own), cert: certificatePem(own), rejectUnauthorized: false }
  const socket = connect({ host: '127.0.0.1', port, ...shown })
  let [heard, key] = ['', '']
  socket.on('error', () => undefined).on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')))
  socket.once('secureConnect', () => {
    const certificate = socket.getPeerX509Certificate()
    key = certificate === undefined ? '' : pinOf(certificate.publicKey)
    socket.write('GET /.well-known/ohttp-gateway HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  })
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  return { shown: key, heard: heard.split('\r\n', 1)[0] ?? '' }
}

test('answers the relay that it pins and nobody else; after SIGHUP the new one as well, under its own new key', async () => {
  const { open, write, show, lines } = await started()
  const service = await open()
  onTestFinished(() => service.force())
  const served = 'HTTP/1.1 200 OK'
  expect(await ask(service.port, first)).toEqual({ shown: pinOf(server.privateKey), heard: served })
  expect((await ask(service.port, second)).heard).toBe('')
  write('first.pins', `${pin(first)}${pin(second)}`)
  show(renewed)
  service.reread()
  expect(lines.at(-1)).toEqual({ level: 'info', event: 'listener-reread', result: 'changed' })
  expect(await ask(service.port, second)).toEqual({ shown: pinOf(renewed.privateKey), heard: served })
  write('first.pins', pin(second))
  service.reread()
  expect((await ask(service.port, first)).heard).toBe('')
  expect((await ask(service.port, second)).heard).toBe(served)
})

test.each<[string, string, string, string]>([
  ['pins that cannot be read', 'first.pins', 'nonsense', 'bad-encoding'],
  ['no pins at all', 'first.pins', '', 'insecure-configuration'],
  ['half a pair of key and certificate', 'server.key', privateKeyPem(renewed), 'insecure-configuration'],
])('%s in the files change nothing, and the log says why', async (_, name, text, result) => {
  const { open, write, lines } = await started()
  const service = await open()
  onTestFinished(() => service.force())
  write(name, text)
  service.reread()
  expect(lines.at(-1)).toEqual({ level: 'warn', event: 'listener-reread', result })
  expect((await ask(service.port, first)).heard).toBe('HTTP/1.1 200 OK')
  expect((await ask(service.port, second)).heard).toBe('')
})

test('does not start with pins that let nobody in, and has made no key and signed no bundle by then', async () => {
  const { folder, open, write } = await started()
  write('first.pins', pin(first, -1))
  const before = readdirSync(folder).sort()
  await expect(open()).rejects.toThrow(expect.objectContaining({ code: 'insecure-configuration' }))
  expect(readdirSync(folder).sort()).toEqual(before)
})

test('a relay whose pins have all ended is left out and told of; the others are served, at start and after SIGHUP', async () => {
  const { open, write, lines } = await started(['first', 'second'])
  write('second.pins', pin(second, -1))
  const service = await open()
  onTestFinished(() => service.force())
  const served = 'HTTP/1.1 200 OK'
  const leftOut = (relay: number) => ({ level: 'warn', event: 'relay-left-out', relay })
  expect(lines).toContainEqual(leftOut(2))
  expect([(await ask(service.port, first)).heard, (await ask(service.port, second)).heard]).toEqual([served, ''])
  write('first.pins', pin(first, -1))
  write('second.pins', pin(second))
  service.reread()
  expect(lines.slice(-2)).toEqual([{ level: 'info', event: 'listener-reread', result: 'changed' }, leftOut(1)])
  expect([(await ask(service.port, first)).heard, (await ask(service.port, second)).heard]).toEqual(['', served])
  write('second.pins', pin(second, -1))
  service.reread()
  expect(lines.slice(-2)).toContainEqual({ level: 'warn', event: 'listener-reread', result: 'insecure-configuration' })
  expect((await ask(service.port, second)).heard).toBe(served)
})

test('does not start with a certificate for CVMs that no dial could show', async () => {
  const { folder, open, write } = await started()
  write('own.key', 'garbage')
  await expect(open()).rejects.toThrow(expect.objectContaining({ code: 'insecure-configuration' }))
  expect(readdirSync(folder)).not.toContain('bundle.note')
})

test('a stranger is counted, and told of at the end of the minute; and it is said when pins end', async () => {
  const { open, write, lines, clock } = await started()
  write('first.pins', pin(first, 0.125))
  clock.ahead = 60_000 - ((Date.now() + 2_000) % 60_000)
  const service = await open()
  onTestFinished(() => service.force())
  for (let i = 0; i < 10; i++) await ask(service.port, second)
  const page = async () => (await fetch(`http://127.0.0.1:${String(service.adminPort)}/metrics`)).text()
  await vi.waitFor(() => expect(lines).toContainEqual(expect.objectContaining({ event: 'turned-away' })), 5_000)
  expect(lines.find(({ event }) => event === 'turned-away')).toMatchObject({ why: 'stranger', count: '<100' })
  await vi.waitFor(async () => expect(await page()).toContain('_turned_away_total{why="stranger"} 10\n'), 3_000)
  const left = Number(/_left_seconds\{what="pins"\} (\d+)/.exec(await page())?.[1])
  expect([left > 10_000, left < 10_800]).toEqual([true, true])
})

test('what counts is told by a digest: another one after a change, the first again when it is taken back', async () => {
  const { open, write, show, lines } = await started()
  const service = await open()
  onTestFinished(() => service.force())
  const before = pin(first, 40)
  for (const text of [before, pin(second, 40), before]) {
    write('first.pins', text)
    service.reread()
  }
  show(server)
  service.reread()
  const digests = lines.filter(({ event }) => event === 'listener-in-use').map(({ files }) => files)
  expect(digests).toHaveLength(4)
  expect(new Set(digests).size).toBe(3)
  expect(digests[1]).toBe(digests[3])
  for (const digest of digests) expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/)
})
