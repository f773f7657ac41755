/** Placement `inside`: the gateway in the process that holds the keys, on a listener of its own, without links to an app. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BundleFile, openInside } from '../../../gateway/cvm/inside.ts'
import { OwnKeys } from '../../../gateway/cvm/own-keys.ts'
import type { Outcome } from '../../../gateway/oblivious.ts'
import { cvmId } from '../../../shared/attestation/bundle-fields.ts'
import { makeBundle, type Bundle } from '../../../shared/attestation/bundle.ts'
import { keyResources } from '../../../shared/attestation/key-evidence.ts'
import { decodeResponse } from '../../../shared/bhttp/decode.ts'
import { fromUtf8, utf8 } from '../../../shared/bytes.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { aes128Gcm, hkdfSha256 as kdf, x25519, xWing } from '../../../shared/hpke/suites.ts'
import { parseKeyConfigs } from '../../../shared/ohttp/key-config.ts'
import { chunked, sealed, standard } from '../../../shared/ohttp/labels.ts'
import { sealRequest } from '../../../shared/ohttp/request.ts'
import type { Profile } from '../../../shared/shaping/profile.ts'
import { certificatePem, issuedBy, pinOf, privateKeyPem, selfSigned } from '../../../shared/upstream/certificate.ts'
import { trustOf } from '../../../shared/upstream/dial.ts'
import { collect } from '../../../shared/upstream/exchange.ts'
import { poolTo } from '../../../shared/upstream/node.ts'
import { signNote } from '../../../shared/tlog/note.ts'
import { generateSigner } from '../../../shared/tlog/signer.ts'
import { pinLine } from '../../shared/upstream/pin-line.ts'
import { binaryRequest } from '../town.ts'
import type { Handler, Machine } from './machine.ts'
import { minute, openedKeys, requestSettings, rotation, said } from './own-machine.ts'
import { machineWith, readyPool } from './pools.ts'

const suite = { kdf, aead: aes128Gcm }
const hour = 60 * minute
const hello: Handler = (_request, response) => void response.end('hello')

type Tls = Parameters<typeof openInside>[0]['public']['tls']

async function insideMachine(handler: Handler = hello, profile: Profile = 'direct', tls: Tls = null) {
  const folder = mkdtempSync(join(tmpdir(), 'inside-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const clocks = { mono: 0 }
  const day = { ...rotation, life: 10 * hour, overlap: 10 * hour }
  const labels = [standard, chunked]
  const monotonic = (): number => clocks.mono
  const keys = new OwnKeys({ kems: [x25519, xWing], labels, rotation: day, claims: 100, now: Date.now, monotonic })
  const outcomes: Outcome[] = []
  const file = join(folder, 'bundle')
  const bundle = new BundleFile(file)
  let app = ''
  const machine: Machine = await machineWith({
    handler,
    own: (path) => {
      app = path
      return { layer: 'outer', keys }
    },
  })
  const ended = (outcome: Outcome) => void outcomes.push(outcome)
  const listener = {
    listen: { host: '127.0.0.1', port: 0 },
    tls,
    publicHosts: null,
    connections: 10,
    bundle: file,
  }
  const options = { keys, settings: requestSettings, app, now: Date.now, ended, public: listener, bundle, profile }
  const listening = await openInside(options)
  onTestFinished(() => listening.close(0))
  const { pool } = await readyPool(machine, { connections: 1 })
  return {
    machine,
    pool,
    keys,
    clocks,
    outcomes,
    bundle,
    file,
    port: listening.port,
    url: `http://127.0.0.1:${String(listening.port)}`,
  }
}

type Place = Awaited<ReturnType<typeof insideMachine>>

async function ask({ url }: Place, { config, labels = standard }: Asked) {
  const there = await sealRequest(nodeHpke, config, suite, binaryRequest({ date: Date.now() }), labels)
  const type = 'message/ohttp-req'
  const outer = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body: there.message })
  const message = new Uint8Array(await outer.arrayBuffer())
  return { outer, message, there }
}
type Asked = { config: Parameters<typeof sealRequest>[1]; labels?: typeof standard }

async function firstKey(place: Place) {
  const [config] = await openedKeys(place)
  if (config === undefined) throw new Error('a key')
  return config
}

describe('requests', () => {
  test('are opened here and nowhere else, each once, for as long as that key lives', async () => {
    const place = await insideMachine()
    const config = await firstKey(place)
    const { message, there } = await ask(place, { config })
    expect(fromUtf8(decodeResponse(await there.openResponse(message)).content)).toBe('hello')
    const again = await fetch(place.url, {
      method: 'POST',
      headers: { 'content-type': 'message/ohttp-req' },
      body: there.message,
    })
    expect(decodeResponse(await there.openResponse(new Uint8Array(await again.arrayBuffer()))).status).toBe(400)
    expect(place.machine.reached).toEqual(['GET /'])
    place.clocks.mono += 20 * hour
    expect((await ask(place, { config })).outer.status).toBe(503)
    expect(place.outcomes).toEqual(['served', 'replayed', 'no-cvm'])
  })

  test('in a profile that shapes traffic must have a size on the grid', async () => {
    const place = await insideMachine(hello, 'mixed')
    const { outer, message } = await ask(place, { config: await firstKey(place) })
    expect([outer.status, fromUtf8(message)]).toEqual([400, expect.stringContaining('about:blank')])
    expect(place.outcomes).toEqual([])
  })

  test('without evidence nothing is opened and no key is offered', async () => {
    const place = await insideMachine()
    const [key] = place.keys.current()
    if (key === undefined) throw new Error('a key')
    expect((await ask(place, { config: key.config })).outer.status).toBe(503)
    expect((await fetch(`${place.url}/.well-known/ohttp-gateway`)).status).toBe(503)
    expect(place.machine.reached).toEqual([])
  })

  test('of the sealed exchange are not for this key', async () => {
    const place = await insideMachine()
    const config = await firstKey(place)
    expect((await ask(place, { config, labels: sealed })).outer.status).toBe(400)
  })

  test.each([
    ['GET', '/'],
    ['POST', keyResources.sealed],
    ['POST', '/v1/chat/completions'],
  ])('a link carries none: %s %s', async (method, path) => {
    const place = await insideMachine()
    await firstKey(place)
    expect((await said(place.pool, method, path)).status).toBe(404)
    expect(place.machine.reached).toEqual([])
  })

  test('the bare list has exactly the attested keys', async () => {
    const place = await insideMachine()
    const configs = await openedKeys(place)
    const list = await fetch(`${place.url}/.well-known/ohttp-gateway`)
    expect(parseKeyConfigs(new Uint8Array(await list.arrayBuffer()))).toEqual(configs)
  })
})

describe('the bundle', () => {
  const write = async (file: string, changes: Partial<Bundle>) => {
    const second = Math.floor(Date.now() / 1000) * 1000
    const keyConfig = utf8('a key')
    const cvm = {
      id: '',
      layer: 'outer',
      keyConfig,
      evidence: { kind: 'simulated', report: utf8('r'), endorsements: [], collateral: null },
      anchor: 'a',
      notBefore: second,
      notAfter: second + hour,
      policySha256: '00'.repeat(32),
      proof: '',
    }
    const bundle = {
      ...{ serial: 1, placement: 'inside', notBefore: second, notAfter: second + hour, keys: utf8('k'), roots: [] },
      ...{ policy: 'p', policyProof: 'p', statement: 's', cvms: [{ ...cvm, id: cvmId(keyConfig) }] },
      ...changes,
    } as Bundle
    const note = await signNote(makeBundle(bundle), [await generateSigner('publisher')])
    writeFileSync(file, note)
    return note
  }
  const got = async ({ url }: Place) => {
    const answer = await fetch(`${url}/.well-known/asunder-bundle`)
    return { status: answer.status, text: await answer.text() }
  }

  test('is the file that the publisher left, byte for byte, and the newer one after it', async () => {
    const place = await insideMachine()
    expect(() => place.bundle.look(Date.now())).toThrow(expect.objectContaining({ code: 'incomplete' }) as Error)
    expect((await got(place)).status).toBe(503)
    for (const serial of [3, 4]) {
      const note = await write(place.file, { serial })
      expect(place.bundle.look(Date.now())).toBe(serial)
      expect(place.bundle.look(Date.now())).toBeUndefined()
      expect(await got(place)).toEqual({ status: 200, text: note })
    }
  })

  test.each([
    ['rolled-back', { serial: 4 }],
    ['placement-mismatch', { placement: 'sealed' }],
  ] as const)('%s: another is not served, and the one before goes on', async (code, changes) => {
    const place = await insideMachine()
    const note = await write(place.file, { serial: 5 })
    place.bundle.look(Date.now())
    await write(place.file, changes)
    expect(() => place.bundle.look(Date.now())).toThrow(expect.objectContaining({ code }) as Error)
    expect(await got(place)).toEqual({ status: 200, text: note })
    writeFileSync(place.file, 'hello')
    expect(() => place.bundle.look(Date.now())).toThrow(expect.objectContaining({ code: 'malformed-note' }) as Error)
  })

  test('ends when it says so', async () => {
    const place = await insideMachine()
    await write(place.file, {})
    place.bundle.look(Date.now())
    expect(place.bundle.served(Date.now())).toBeDefined()
    expect(place.bundle.served(Date.now() + hour)).toBeUndefined()
  })
})

describe('with pins, as at the gateway, a relay', () => {
  const authority = selfSigned({ commonName: 'authority', use: 'authority' })
  const server = issuedBy(authority, { commonName: 'inside', use: 'server', names: ['127.0.0.1'] })
  const relay = issuedBy(authority, { commonName: 'relay', use: 'client' })
  const other = issuedBy(authority, { commonName: 'relay', use: 'client' })
  const pem = (identity: typeof relay) => ({ key: privateKeyPem(identity), cert: certificatePem(identity) })

  /** What somebody with this key hears, of a listener that pins the relay's. */
  async function status(shown: typeof relay | undefined, alone: boolean, line = pinLine(relay.privateKey)) {
    const folder = mkdtempSync(join(tmpdir(), 'inside-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const write = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const { port } = await insideMachine(hello, 'direct', {
      key: write('server.key', privateKeyPem(server)),
      cert: write('server.pem', certificatePem(server)),
      clientCa: alone ? null : write('authority.pem', certificatePem(authority)),
      relayPins: write('relay.pins', line),
    })
    const trust = trustOf({ ca: certificatePem(authority), ...(shown === undefined ? {} : { own: pem(shown) }) })
    const pool = poolTo({ origin: `https://127.0.0.1:${String(port)}`, trust: () => trust, connections: 1, every: 10 })
    onTestFinished(() => pool.close())
    const asked = { method: 'GET', path: '/.well-known/ohttp-gateway', fields: [], body: null } as const
    const answer = await collect(pool.forward, asked, 10_000)
    return typeof answer === 'string' ? answer : answer.status
  }

  test.each([true, false])('that has the key is heard, with pins alone: %s', async (alone) => {
    // No key is on offer yet.
    expect(await status(relay, alone)).toBe(503)
  })

  test.each<[string, typeof relay | undefined, boolean, string | undefined]>([
    ['with another key of the same authority', other, false, undefined],
    ['with another key where pins are alone', other, true, undefined],
    ['without a certificate', undefined, true, undefined],
    ['whose pin ended', relay, true, `${pinOf(relay.privateKey)} 2020-01-01T00:00:00Z\n`],
  ])('%s is not heard', async (_, shown, alone, line) => {
    expect(await status(shown, alone, line)).toBe('broken')
  })
})
