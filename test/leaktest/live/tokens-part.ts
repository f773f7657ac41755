/**
 * The column of the issuer, and what tokens are to everybody else: a small pair that asks for a token at the relay and at
 * the gateway, with an issuer for each. Its matrix has the cells that the other pair, where nobody needs a token, cannot
 * fill. privacy.md 1.2 (F23, F24), 4.9.
 */
import { mark, type Canary } from '../canary/canaries.ts'
import { appOrigin } from '../../../deploy/local/pair/settings.ts'
import { readKeyLog } from '../../../deploy/local/seen/tls-log.ts'
import type { Column } from '../contract.ts'
import type { Part } from '../report/assemble.ts'
import type { ReportMutant } from '../report/schema.ts'
import type { Observation } from '../types.ts'
import { Actor } from './actor.ts'
import { auditOf, partiesIn, type AuditResult } from './audit.ts'
import type { Call, Capture, Holding } from './capture.ts'
import { cellsOf } from './cells.ts'
import { arisen, wires } from './collect.ts'
import { hear } from './heard.ts'
import { sides, startIssuer, walletAt, type LabIssuer } from './issuers.ts'
import { randomFrom, testOf, type Level1Options } from './level1.ts'
import { startLivePair, type LivePair } from './pair.ts'
import { plant, type Planted } from './planted.ts'
import { ourRelay, pageOf } from './subject.ts'
import { joined } from './tap.ts'

export type TokensOptions = Pick<Level1Options, 'seed' | 'wanted' | 'replay' | 'progress'>

const size = { clients: 4, each: 2 }
const present: ReadonlySet<Column> = new Set([...partiesIn('front'), 'I'])

/** Fields that only this pair has, for everybody; and every field, for the issuer. */
function isOurs({ field, party }: { readonly field: string; readonly party: Column }): boolean {
  return party === 'I' || ((field === 'F23' || field === 'F24') && present.has(party))
}

export async function tokensPart({ seed, wanted, replay, progress }: TokensOptions): Promise<Part> {
  progress('a pair that asks for tokens, with an issuer for each side')
  const capture = await tokensCapture(seed)
  const audit = auditOf(capture, present, [])
  const mutants = leaks.filter(({ test }) => wanted(test)).map((leak) => outcome(leak, capture))
  const rows = audit.rows.filter(({ measurement: { id } }) => id === 'canary.I' && wanted(id))
  return {
    ...{ level: 1, placement: 'front', plots: [], mutants },
    tests: rows.map((row) => testOf(row, mutants, replay)),
    matrix: cellsOf(audit).filter(isOurs),
  }
}

/** Whoever asks for tokens must remember over restarts which are spent. */
const spent = { file: 'tokens.db' }
const kept = { store: { kind: 'sqlite', file: 'claims.db' }, keys: { file: 'keys.json' } }

/** One run, with what every party held of it. */
export async function tokensCapture(seed: number): Promise<Capture> {
  const issuers = { relay: await startIssuer('relay'), gateway: await startIssuer('gateway') }
  try {
    const pair = await startLivePair({
      connections: 16,
      links: size.clients + 4,
      also: (service, folders) => {
        if (service === 'relay') return { tokens: { ...issuers.relay.settings(folders.relay), store: spent } }
        return service === 'gateway' ? { ...kept, tokens: issuers.gateway.settings(folders.gateway) } : {}
      },
    })
    try {
      return await worked(pair, issuers, seed)
    } finally {
      await pair.stop()
    }
  } finally {
    await Promise.all(sides.map((side) => issuers[side].close()))
  }
}

type Issuers = Readonly<Record<(typeof sides)[number], LabIssuer>>

async function worked(pair: LivePair, issuers: Issuers, seed: number): Promise<Capture> {
  const random = randomFrom(seed)
  const cast = plant(size.clients, random)
  const secrets: string[] = []
  const done = await Promise.all(
    cast.clients.map((planted, index) => {
      const account = mark('account', random)
      return asked({ pair, issuers, planted, index, account, secrets: (line) => secrets.push(line) })
    }),
  )
  const pages = [...(await page(pair, 'relay', 'MR')), ...(await page(pair, 'gateway', 'MG'))]
  const log = readKeyLog(`${secrets.join('\n')}\n${pair.keyLog()}`)
  const heard = (link: 'a' | 'b' | 'd' | 'app') =>
    pair.taps[link].connections().map((connection) => hear(connection, log))
  const links = { a: heard('a'), b: heard('b'), d: heard('d'), app: heard('app'), e: [] }
  const calls = done.flatMap((each) => each.calls)
  const all = Object.values(links).flat()
  return {
    ...{
      placement: 'front',
      profile: 'direct',
      clients: size.clients,
      has: new Set(['tokens'] as const),
      links,
      calls,
    },
    ...{ refused: [], mirrored: [], scrapes: [], single: [], spans: [], leftAtApp: 0, trapped: 0 },
    canaries: [...cast.canaries, ...done.flatMap((each) => each.canaries), ...arisen(links.a, { calls })],
    holdings: [
      ...wires(links, 'front'),
      ...calls.map(opened),
      ...sides.flatMap((side) => told(side, issuers[side])),
      ...logs(pair),
      ...pages,
    ],
    known: seenPorts(issuers),
    unreadable: all.filter(({ forward, connection }) => forward === undefined && connection.forward.length > 1).length,
  }
}

/** In `front` the gateway opens requests: what was sealed is what it finds. */
function opened({ inside }: Call): Holding {
  return { party: 'G', source: 'wire', name: 'what it opens', octets: inside }
}

type Asking = {
  readonly pair: LivePair
  readonly issuers: Issuers
  readonly planted: Planted
  readonly index: number
  readonly account: string
  readonly secrets: (line: string) => void
}

async function asked({ pair, issuers, planted, index, account, secrets }: Asking) {
  // The token has the place of what a browser might say there.
  const outer = planted.outer.filter(([name]) => name.toLowerCase() !== 'authorization')
  const who = { address: planted.address, account }
  const wallets = { relay: walletAt(issuers.relay, who), gateway: walletAt(issuers.gateway, who) }
  const tokens = { relay: wallets.relay.wallet, gateway: wallets.gateway.wallet }
  const actor = new Actor(ourRelay(pair), { ...planted, outer }, index, secrets, tokens)
  const calls: Call[] = []
  try {
    for (let i = 0; i < size.each; i++) {
      const body = JSON.stringify({ prompt: planted.inner.prompt, answer: { says: planted.inner.says, length: 200 } })
      const headers = { 'x-mark': planted.inner.header }
      actor.listen()
      const { status } = await actor.fetch(`${appOrigin}${planted.inner.path}`, { method: 'POST', headers, body })
      const { message, inside } = actor.overheard
      calls.push({ client: index, intent: 0, phase: 'calls', asked: body.length, told: 200, status, message, inside })
    }
  } finally {
    actor.client.close()
    await Promise.all(sides.map((side) => wallets[side].close()))
  }
  return {
    calls,
    canaries: [accountOf(index, account), ...wallets.gateway.given.map((one, i) => tokenOf(index, i, one))],
  }
}

function accountOf(index: number, value: string): Canary {
  return { id: `c${String(index)}.account`, field: 'F24', kind: 'text', value }
}

/** Of a token, a part of its nonce, which is its client's own: two octets of type come first (RFC 9577 §2.2). */
function tokenOf(index: number, nth: number, field: string): Canary {
  const token = /token="?([\w-]+)/.exec(field)?.[1] ?? ''
  return { id: `c${String(index)}.token${String(nth)}`, field: 'F23', kind: 'text', value: token.slice(4, 44) }
}

/** Whoever is shown an address is shown the port as well. */
function seenPorts(issuers: Issuers): Observation[] {
  const some = sides.some((side) => issuers[side].tap.connections().length > 0)
  return some ? [{ party: 'I', source: 'wire', t: 0, fieldId: 'F02', bytesRef: 'ports at the issuers' }] : []
}

function told(side: string, { tap }: LabIssuer): Holding[] {
  return tap.connections().flatMap(({ id, peer, forward, backward }) => {
    const name = `issuer of the ${side}, connection ${String(id)}`
    const parts = [joined(forward), joined(backward), Buffer.from(`${peer.address}:${String(peer.port)}`)]
    return parts.map((octets): Holding => ({ party: 'I', source: 'wire', name, octets }))
  })
}

async function page(pair: LivePair, operator: 'relay' | 'gateway', party: Column): Promise<Holding[]> {
  const admin = pair.admin[operator]
  const octets = Buffer.from(await pageOf(admin))
  return [{ party, source: 'metric', name: `metrics of the ${operator}`, octets }]
}

function logs(pair: LivePair): Holding[] {
  const operators = { relay: 'R', gateway: 'G', cvm: 'V' } as const
  return (['relay', 'gateway', 'cvm'] as const).map((operator): Holding => ({
    ...{ party: operators[operator], source: 'log', name: `log of the ${operator}`, octets: pair.log(operator) },
  }))
}

type Leak = { readonly name: string; readonly leak: string; readonly test: string; readonly field: string }

const leaks: readonly Leak[] = [
  { name: 'i-holds-f23', leak: 'the issuer sees a token as it is spent', test: 'canary.I', field: 'F23' },
  { name: 'i-holds-f18', leak: 'the client tells the issuer what it will ask', test: 'canary.I', field: 'F18' },
]

function outcome({ name, leak, test, field }: Leak, capture: Capture): ReportMutant {
  const value = capture.canaries.find((canary) => canary.field === field)?.value ?? ''
  const planted: Holding = { party: 'I', source: 'wire', name: 'planted', octets: Buffer.from(`x ${value} x`) }
  const { rows } = auditOf({ ...capture, holdings: [...capture.holdings, planted] }, present, [])
  return { name, level: 1, leak, test, caught: failedIn(rows, test) }
}

function failedIn(rows: AuditResult['rows'], test: string): boolean {
  return rows.some(({ measurement, verdict }) => measurement.id === test && verdict === 'fail')
}
