/** What belongs beside a report: found among the operator's files or in their cache, before anything is served. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { base64, type Bytes, hex } from '../../../../shared/bytes.ts'
import { type Evidence, evidenceLimits } from '../../../../shared/attestation/evidence.ts'
import { reportData } from '../../../../shared/attestation/report-data.ts'
import { certificatePem, issuedBy, privateKeyPem, selfSigned } from '../../../../shared/upstream/certificate.ts'
import { endorsed, type StockOptions } from '../../../../gateway/cvm/endorsements/stock.ts'
import type { EvidenceProvider } from '../../../../gateway/cvm/provider.ts'
import { tsmEvidence } from '../../../../gateway/cvm/tsm.ts'
import { type Changes, hwid } from '../../../shared/attestation/sev-snp/forge.ts'
import { codeOf } from '../../../shared/tlog/code-of.ts'
import { binding, certificateTable, forged, type Forged, forgedTd, guids } from './forged.ts'
import type { Behaviour } from './kernel.ts'
import { inProcess } from './trees.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

type Four = [leaf: Bytes, ask: Bytes, ark: Bytes, list: Bytes]
const genoa = forged()
const [leaf, ask, ark, list] = genoa.endorsements as Four
/** Of the same chip, before its firmware was updated; and of another chip. */
const older = forged({ claims: { '3.8': Uint8Array.of(2, 1, 71) } }).endorsements[0] as Bytes
const elsewhere = forged({ claims: { '4': new Uint8Array(64).fill(0xdd) } }).endorsements[0] as Bytes
const newerList = forged({ crl: { number: 5 } }).endorsements[3] as Bytes

async function providerOf(machine: Forged, changes: Partial<Behaviour> = {}): Promise<EvidenceProvider> {
  const tree = await inProcess(machine.chip)
  await tree.behave(changes)
  return tsmEvidence({ kind: machine.chip.kind, root: tree.root, files: tree.files })
}

function folderWith(files: Readonly<Record<string, Uint8Array | string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-endorsements-'))
  cleanups.push(() => rmSync(folder, { recursive: true }))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

function pem(label: string, der: Uint8Array): string {
  const lines = base64(der).match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
const certPem = (der: Uint8Array) => pem('CERTIFICATE', der)

async function whole(
  provider: EvidenceProvider,
  from: string,
  more: Partial<StockOptions> = {},
): Promise<EvidenceProvider> {
  const own = await provider.evidence(binding)
  const made = await endorsed(provider, own, { from, refresh: 60_000, ...more })
  cleanups.push(() => made.close())
  return made
}

const hexes = ({ endorsements }: Evidence) => endorsements.map(hex)
const inOrder = [leaf, ask, ark, list].map(hex)

describe('files', () => {
  const places: [string, () => string][] = [
    ['a folder of DER', () => folderWith({ a: list, b: ark, c: leaf, d: ask })],
    [
      'a folder as AMD hands out',
      () => folderWith({ 'vcek.der': leaf, 'chain.pem': certPem(ask) + certPem(ark), crl: list }),
    ],
    [
      'one PEM file',
      () => join(folderWith({ all: [ask, leaf, ark].map(certPem).join('') + pem('X509 CRL', list) }), 'all'),
    ],
    [
      'with those of other chips and times',
      () => folderWith({ a: older, b: elsewhere, c: leaf, d: ask, e: ark, f: list }),
    ],
  ]
  test.each(places)('%s', async (_what, place) => {
    const provider = await whole(await providerOf(genoa), place())
    const evidence = await provider.evidence(binding)
    expect(hexes(evidence)).toEqual(inOrder)
    expect((await genoa.judge(evidence, reportData(binding))).kind).toBe('sev-snp')
  })

  test('the host gives the certificates, the operator only the list; the newest one counts', async () => {
    const table = certificateTable([
      [guids.vcek, leaf],
      [guids.ask, ask],
      [guids.ark, ark],
    ])
    const provider = await providerOf(genoa, { auxblob: base64(table) })
    const completed = await whole(provider, folderWith({ a: list, b: newerList }))
    expect(hexes(await completed.evidence(binding))).toEqual([leaf, ask, ark, newerList].map(hex))
  })

  test("a host's certificate from before its firmware update gives way", async () => {
    const provider = await providerOf(genoa, { auxblob: base64(certificateTable([[guids.vcek, older]])) })
    const completed = await whole(provider, folderWith({ a: leaf, b: ask, c: ark, d: list }))
    expect(hexes(await completed.evidence(binding))).toEqual(inOrder)
  })

  test('Turin and a provider key, each by its own rules', async () => {
    for (const changes of [{ product: 'Turin' }, { kind: 'VLEK' }] as const) {
      const machine = forged(changes)
      const [a, b, c, d] = machine.endorsements as Four
      const completed = await whole(await providerOf(machine), folderWith({ a, b, c, d }))
      expect(hexes(await completed.evidence(binding))).toEqual([a, b, c, d].map(hex))
    }
  })

  const missing: [string, Record<string, Uint8Array | string>, string, string][] = [
    ['no certificate of this chip', { a: ask, b: ark, c: list, d: elsewhere }, 'leaf-missing', 'ucode 72'],
    [
      'no certificate of this firmware',
      { a: ask, b: ark, c: list, d: older },
      'leaf-missing',
      `chip ${hex(hwid('Genoa'))}`,
    ],
    ['no issuer', { a: leaf, b: ark, c: list }, 'chain-incomplete', 'SEV-Genoa'],
    ['no root', { a: leaf, b: ask, c: list }, 'chain-incomplete', 'ARK-Genoa'],
    ['no list', { a: leaf, b: ask, c: ark }, 'crl-missing', 'ARK-Genoa'],
    [
      'something else among them',
      { a: leaf, b: ask, c: ark, d: list, e: 'notes' },
      'endorsements-unavailable',
      'neither',
    ],
    ['DER of something else', { a: leaf, b: Uint8Array.of(0x30, 0) }, 'endorsements-unavailable', 'neither'],
    [
      'a file that is too long',
      { a: new Uint8Array(evidenceLimits.evidence + 1) },
      'endorsements-unavailable',
      'more than',
    ],
    ['nothing', {}, 'leaf-missing', 'Genoa'],
  ]
  test.each(missing)('%s: refused at the start', async (_what, files, code, says) => {
    const refused = whole(await providerOf(genoa), folderWith(files))
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringContaining(says) as string })
  })

  test('no place, or one with too many files: refused at the start', async () => {
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`f${String(i)}`, leaf]))
    const within = folderWith({})
    mkdirSync(join(within, 'folder'))
    for (const place of [join(within, 'none'), folderWith(many), within]) {
      expect(await codeOf(async () => whole(await providerOf(genoa), place))).toBe('endorsements-unavailable')
    }
  })

  const silent: [string, Changes][] = [
    ['of version 2, which does not say its product', { report: { version: 2, cpu: new Uint8Array(3) } }],
    ['of a product that nobody knows', { report: { cpu: Uint8Array.of(0x1b, 0, 0) } }],
    ['that is not signed', { report: { flags: 7 << 2 } }],
  ]
  test.each(silent)('a report %s: refused at the start', async (_what, changes) => {
    expect(await codeOf(async () => whole(await providerOf(forged(changes)), folderWith({})))).toBe(
      'platform-unsupported',
    )
  })

  test('TDX collateral is carried as it is, and is one file within the cap', async () => {
    const provider = await providerOf(forgedTd(), { provider: 'tdx_guest' })
    const folder = folderWith({ c: '{"tcbInfo":{}}' })
    const evidence = await (await whole(provider, folder)).evidence(binding)
    expect(evidence).toMatchObject({ kind: 'tdx', endorsements: [] })
    expect(Buffer.from(evidence.collateral ?? []).toString()).toBe('{"tcbInfo":{}}')
    for (const files of [{}, { a: 'x', b: 'y' }, { a: new Uint8Array(evidenceLimits.collateral + 1) }]) {
      expect(await codeOf(() => whole(provider, folderWith(files)))).toBe('endorsements-unavailable')
    }
  })
})

describe('a cache', () => {
  type Cache = { url: string; ca: string; asked: string[]; server: Server; serve: Record<string, Uint8Array | string> }

  /** Answers as AMD's service does; what it does not know is 404. */
  async function cache(serve: Record<string, Uint8Array | string>): Promise<Cache> {
    const authority = selfSigned({ commonName: 'operator', use: 'authority' })
    const identity = issuedBy(authority, { commonName: 'cache', use: 'server', names: ['127.0.0.1'] })
    const asked: string[] = []
    const server = createServer(
      { key: privateKeyPem(identity), cert: certificatePem(identity) },
      (request, response) => {
        const { url = '' } = request
        asked.push(url)
        const content = serve[url]
        if (content === 'hang') return
        if (content === 'redirect') response.writeHead(302, { location: '/vcek/v1/Genoa/crl' }).end()
        else response.writeHead(content === undefined ? 404 : 200).end(content)
      },
    )
    await once(server.listen(0, '127.0.0.1'), 'listening')
    cleanups.push(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    return { url: `https://127.0.0.1:${String(port)}/kds`, ca: certificatePem(authority), asked, server, serve }
  }

  const leafPath = `/kds/vcek/v1/Genoa/${hex(hwid('Genoa'))}?blSPL=9&teeSPL=1&snpSPL=23&ucodeSPL=72`
  const chainPath = '/kds/vcek/v1/Genoa/cert_chain'
  const listPath = '/kds/vcek/v1/Genoa/crl'
  const full = { [leafPath]: leaf, [chainPath]: certPem(ask) + certPem(ark), [listPath]: list }

  test('is asked for everything by the chip and the firmware of the report, and never while somebody waits', async () => {
    const { url, ca, asked } = await cache({ ...full })
    const provider = await whole(await providerOf(genoa), url, { ca })
    expect([...asked].sort()).toEqual([leafPath, chainPath, listPath].sort())
    const evidence = await provider.evidence(binding)
    expect(hexes(evidence)).toEqual(inOrder)
    expect((await genoa.judge(evidence, reportData(binding))).kind).toBe('sev-snp')
    expect(asked).toHaveLength(3)
  })

  test('is asked only for the list where the host gives the rest', async () => {
    const { url, ca, asked } = await cache({ ...full })
    const table = certificateTable([
      [guids.vcek, leaf],
      [guids.ask, ask],
      [guids.ark, ark],
    ])
    await whole(await providerOf(genoa, { auxblob: base64(table) }), `${url}/`, { ca })
    expect(asked).toEqual([listPath])
  })

  test('Turin: its own counters and its short id; a provider key: no leaf to ask for', async () => {
    const turin = forged({ product: 'Turin' })
    const vlek = forged({ kind: 'VLEK' })
    for (const [machine, paths] of [
      [
        turin,
        [
          `/kds/vcek/v1/Turin/${'cc'.repeat(8)}?fmcSPL=2&blSPL=9&teeSPL=1&snpSPL=23&ucodeSPL=72`,
          '/kds/vcek/v1/Turin/cert_chain',
          '/kds/vcek/v1/Turin/crl',
        ],
      ],
      [vlek, ['/kds/vlek/v1/Genoa/cert_chain', '/kds/vlek/v1/Genoa/crl']],
    ] as const) {
      const [own, issuer, root, revoked] = machine.endorsements as Four
      const [last = '', chain = '', first] = [...paths].reverse()
      const { url, ca, asked } = await cache({
        [last]: revoked,
        [chain]: certPem(issuer) + certPem(root),
        ...(first === undefined ? {} : { [first]: own }),
      })
      const auxblob = first === undefined ? base64(certificateTable([[guids.vlek, own]])) : ''
      const provider = await whole(await providerOf(machine, { auxblob }), url, { ca })
      expect([...asked].sort()).toEqual([...paths].sort())
      expect((await provider.evidence(binding)).endorsements).toHaveLength(4)
    }
  })

  const failures: [string, Record<string, Uint8Array | string>, string][] = [
    ['does not know the leaf', { ...full, [leafPath]: undefined as unknown as string }, 'status 404'],
    ['sends elsewhere', { ...full, [listPath]: 'redirect' }, 'status 302'],
    ['gives no end', { ...full, [listPath]: new Uint8Array(evidenceLimits.evidence + 1) }, 'more than'],
    ['does not answer', { ...full, [listPath]: 'hang' }, 'no answer within 300 ms'],
    ['gives something else', { ...full, [listPath]: '<html>' }, 'neither'],
  ]
  test.each(failures)('that %s: refused at the start', async (_what, serve, says) => {
    const { url, ca } = await cache(serve)
    const refused = whole(await providerOf(genoa), url, { ca, within: 300 })
    const message = expect.stringContaining(says) as string
    await expect(refused).rejects.toMatchObject({ code: 'endorsements-unavailable', message })
  })

  test('that nobody vouches for, or that is not there: refused at the start', async () => {
    const { url, server } = await cache({ ...full })
    expect(await codeOf(async () => whole(await providerOf(genoa), url))).toBe('endorsements-unavailable')
    await new Promise((resolve) => server.close(resolve))
    expect(await codeOf(async () => whole(await providerOf(genoa), url))).toBe('endorsements-unavailable')
  })

  test('is looked at again: a newer list is taken, a failure leaves what there was', async () => {
    const { url, ca, serve } = await cache({ ...full })
    const told: string[] = []
    const provider = await whole(await providerOf(genoa), url, { ca, refresh: 30, tell: (state) => told.push(state) })
    const listNow = async () => hexes(await provider.evidence(binding))[3]
    expect(await listNow()).toBe(hex(list))
    serve[listPath] = newerList
    await vi.waitFor(async () => expect(await listNow()).toBe(hex(newerList)), { interval: 5 })
    serve[listPath] = 'redirect'
    await vi.waitFor(() => expect(told).toContain('not-refreshed'), { interval: 5 })
    expect(told[0]).toBe('fresh')
    expect(await listNow()).toBe(hex(newerList))
  })

  test('of TDX collateral is one address', async () => {
    const { url, ca, asked } = await cache({ '/kds': 'collateral' })
    const provider = await providerOf(forgedTd(), { provider: 'tdx_guest' })
    const { collateral } = await (await whole(provider, url, { ca })).evidence(binding)
    expect(Buffer.from(collateral ?? []).toString()).toBe('collateral')
    expect(asked).toEqual(['/kds'])
  })
})
