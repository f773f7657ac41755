/** What an operator is told of a link before it is too late, and why it does not work when it is: over real TLS. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { relaySettings } from '../../relay/config.ts'
import { openRelay, type RelayService } from '../../relay/service.ts'
import type { RelayEvents } from '../../relay/vocabulary.ts'
import { createLog } from '../../shared/observability/log.ts'
import { certificatePem, privateKeyPem, selfSigned } from '../../shared/upstream/certificate.ts'
import { pinLine } from '../shared/upstream/pin-line.ts'

const notAfter = new Date(Date.now() + 48 * 3_600_000)
const [relay, gateway] = ['relay', 'gateway'].map((commonName) =>
  selfSigned({ commonName, use: 'server', names: ['localhost', '127.0.0.1'], notAfter }),
) as [ReturnType<typeof selfSigned>, ReturnType<typeof selfSigned>]

let directory = ''
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'links-'))
  const write = (name: string, text: string): void => writeFileSync(join(directory, name), text, { mode: 0o600 })
  write('relay.key', privateKeyPem(relay))
  write('relay.pem', certificatePem(relay))
  write('wrong.pins', pinLine(relay.privateKey))
})
afterAll(() => rmSync(directory, { recursive: true }))

const secure = { host: '127.0.0.1', port: 0, tls: { key: 'relay.key', cert: 'relay.pem' } }

async function open(settings: object, at: string) {
  const clock = { ahead: 0 }
  const lines: string[] = []
  const log = createLog<RelayEvents>({ service: 'relay', write: (line) => lines.push(line) })
  const path = (name: string): string => join(at, name)
  const file = (name: string): Buffer => readFileSync(path(name))
  const world = { now: () => Date.now() + clock.ahead, salt: () => new Uint8Array(32), file, path, log }
  const service: RelayService = await openRelay(relaySettings(JSON.stringify(settings), 'test'), world)
  onTestFinished(() => service.force())
  return { service, lines, clock }
}

async function tlsGateway(): Promise<{ port: number }> {
  const server = createServer({ key: privateKeyPem(gateway), cert: certificatePem(gateway) }, (_, outgoing) => {
    outgoing.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port }
}

const looked = (lines: readonly string[]): unknown[] =>
  lines
    .map((line) => JSON.parse(line) as { event: string; resource?: string; why?: string })
    .filter(({ event, resource }) => event === 'mirror-failed' && resource === 'keys')
    .map(({ why }) => why)

test.each<[string, string, (port: number) => object]>([
  ['another key', 'not-pinned', (port) => ({ gateway: `https://localhost:${port}`, pins: 'wrong.pins' })],
  ['another authority', 'tls', (port) => ({ gateway: `https://localhost:${port}`, ca: 'relay.pem' })],
  ['a closed port', 'unreachable', (port) => ({ gateway: `https://127.0.0.1:${port === 1 ? 2 : 1}` })],
  ['a name of nobody', 'no-address', (port) => ({ gateway: `https://gateway.invalid:${port}` })],
])('a link with %s is told from others: %s', async (_, why, to) => {
  const { port } = await tlsGateway()
  const own = { clientCertificate: { key: 'relay.key', cert: 'relay.pem' } }
  const { lines } = await open({ listen: secure, routes: [{ ...to(port), ...own }] }, directory)
  await vi.waitFor(() => expect(looked(lines)).not.toEqual([]), 8_000)
  expect(looked(lines)[0]).toBe(why)
})

test('what ends and what fails is on the page: certificates of two days, pins, and a file that is not taken', async () => {
  const { port } = await tlsGateway()
  writeFileSync(join(directory, 'gateway.pins'), pinLine(gateway.privateKey, 0.125))
  const clientCertificate = { key: 'relay.key', cert: 'relay.pem' }
  const routes = [{ gateway: `https://localhost:${port}`, pins: 'gateway.pins', clientCertificate }]
  const { service, clock } = await open({ listen: secure, routes }, directory)
  const page = async (): Promise<Map<string, number>> => {
    const text = await (await fetch(`http://127.0.0.1:${service.adminPort}/metrics`)).text()
    const found = text.matchAll(/^asunder_relay_(left_seconds|failing)\{what="([\w-]+)"\} (\S+)$/gm)
    return new Map([...found].map(([, , what = '', value]) => [what, Number(value === '+Inf' ? Infinity : value)]))
  }
  const before = await page()
  const hours = (what: string): number => Math.round((before.get(what) ?? 0) / 3_600)
  expect(['certificate', 'client-certificate', 'pins', 'authority', 'tokens'].map(hours)).toEqual([
    48,
    48,
    3,
    Infinity,
    Infinity,
  ])
  expect([before.get('reread'), before.get('audit')]).toEqual([0, 0])
  writeFileSync(join(directory, 'gateway.pins'), 'nonsense')
  service.reread()
  clock.ahead = 60_000
  await vi.waitFor(async () => expect((await page()).get('reread')).toBe(1), 3_000)
  expect((await page()).get('pins')).toBeLessThanOrEqual(3 * 3_600 - 60)
})
