/** R23-R25: what a relay shows of its gateway when others are shown something else, and relays that share a gateway. trust.md 2, RFC 9458 §6.2.2. */
import { mediaTypes } from '../../../../shared/http/media-types.ts'
import { nodeHpke } from '../../../../shared/hpke/node.ts'
import { parseKeyConfigs, selectKey } from '../../../../shared/ohttp/key-config.ts'
import {
  certificatePem,
  pinOf,
  privateKeyPem,
  selfSigned,
  type Identity,
} from '../../../../shared/upstream/certificate.ts'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { blocked, contained, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { happens, quiet } from '../../frame/until.ts'
import { openApp } from '../../pair/app.ts'
import type { Served } from '../../pair/subject.ts'
import { intruderWith, keyPath } from '../../roles/client.ts'
import { bundleOver, isBundle, newKey, shown } from '../../roles/directory.ts'
import { gatewayX } from '../../roles/gateway.ts'
import { deliver, type Letter, type Reply } from '../../roles/relay.ts'
import { loopback } from '../../roles/trap.ts'
import { asked } from '../../roles/wire.ts'
import { demand, hour, pairAnswers } from '../common.ts'

const atRelay = { ...inFront, score: 'B', subject: ['relay'], quick: true } as const

export const mirrorScenarios: readonly Scenario[] = [
  {
    ...atRelay,
    id: 'R23',
    severity: 8,
    title: 'another bundle for the clients of one relay',
    given: 'the publisher of bundles, who can sign two of one serial',
    does: 'shows one to this relay, and another one to everybody else',
    shows: 'a relay that looks from a second place too shows neither, and says why',
    expects: ['BLOCKED'],
    control: sameEverywhere,
    attack: equivocation,
  },
  {
    ...atRelay,
    id: 'R24',
    severity: 2,
    title: 'a second place that lies',
    given: 'whoever runs the place from which a relay looks a second time',
    does: 'shows pages, nonsense, old and new bundles, hangs up, and one of the same serial',
    shows: 'nothing of it is shown to a client; only the last one can keep a new bundle back',
    expects: ['CONTAINED'],
    withoutNaive: 'the naive relay looks from one place only, as R23 shows',
    control: sameEverywhere,
    attack: lyingVantage,
  },
  {
    ...atRelay,
    ...{ id: 'R25', severity: 4, score: 'T', subject: ['gateway'] },
    title: 'a relay that takes the room of the others',
    given: 'one of two relays that a gateway knows by their keys, the first with a rate',
    does: 'sends sixty requests at once, and then the other relay sends one; then somebody whom the gateway does not know',
    shows: 'the first is let have its rate, the other one is served, and a stranger is not heard',
    expects: ['BLOCKED'],
    control: pairAnswers,
    attack: greedy,
  },
]

const path = '/.well-known/asunder-bundle'

type Shown = { readonly relay: Served; readonly bundle: string; readonly answer: () => Promise<string | number> }

/** A relay that looks at its gateway, and at one other place that answers as it likes. */
async function looking(stage: Stage, elsewhere: (bundle: string, letter: Letter) => Reply | 'hang up'): Promise<Shown> {
  const key = newKey()
  const bundle = await bundleOver([key], stage.people, { serial: 7 })
  const onFetch = (letter: Letter): Reply | undefined => (isBundle(letter) ? shown(bundle) : undefined)
  const gateway = await gatewayX(stage, { keys: [key], onFetch })
  const vantage = await loopback(stage, ({ url = '', method = '' }, response) => {
    const letter = { number: 0, method, path: url, rawHeaders: [], field: () => undefined, body: Buffer.alloc(0) }
    const reply = elsewhere(bundle, letter)
    if (reply === 'hang up') response.destroy()
    else deliver(response, reply)
  })
  const vantages = [`http://127.0.0.1:${vantage.port}`]
  const relay = await stage.subject.relay(stage, { gateway: gateway.url, route: { vantages } })
  const answer = async (): Promise<string | number> => {
    const { status, body } = await asked(`${relay.url}${path}`)
    return status === 200 ? body.toString() : status
  }
  return { relay, bundle, answer }
}

async function sameEverywhere(stage: Stage): Promise<void> {
  const { answer, bundle } = await looking(stage, (same) => shown(same))
  demand(await happens(async () => (await answer()) === bundle, 3_000), 'one bundle in both places is shown')
}

async function equivocation(stage: Stage): Promise<Finding> {
  const other = await bundleOver([newKey()], stage.people, { serial: 7 })
  const { answer, relay } = await looking(stage, () => shown(other))
  if (await happens(async () => typeof (await answer()) === 'string', 500))
    return exposed('clients of this relay are shown a bundle that nobody else sees')
  const said = relay.log().includes('"why":"equivocation"')
  return said ? blocked(`${await answer()} for the bundle, and the operator is told`) : exposed('nobody is told')
}

async function lyingVantage(stage: Stage): Promise<Finding> {
  const key = newKey()
  const [older, newer, same] = await Promise.all([6, 8, 7].map((serial) => bundleOver([key], stage.people, { serial })))
  const page: Reply = { status: 200, fields: { 'content-type': 'text/html' }, body: '<p>' }
  const away: Reply = { status: 503, fields: {}, body: '' }
  const led: Reply = { status: 307, fields: { location: 'http://127.0.0.1:9/' }, body: '' }
  const lies: readonly (readonly [what: string, reply: Reply | 'hang up'])[] = [
    ...[['a page', page] as const, ['503', away] as const, ['a redirect', led] as const],
    ...[['nonsense', shown('asunder nonsense')] as const, ['a hang-up', 'hang up'] as const],
    ...[['an older bundle', shown(older ?? '')] as const, ['a newer one', shown(newer ?? '')] as const],
  ]
  for (const [what, reply] of lies) {
    const { answer, bundle } = await looking(stage, () => reply)
    if (!(await happens(async () => (await answer()) === bundle, 3_000)))
      return exposed(`${what} there keeps the gateway’s bundle from clients`)
  }
  const { answer } = await looking(stage, () => shown(same ?? ''))
  await quiet(200)
  const told = await answer()
  if (typeof told === 'string') return exposed('of two bundles of one serial one is shown')
  return contained(`${lies.length} lies change nothing; with two bundles of one serial clients are told ${told}`)
}

const burst = 10

async function greedy(stage: Stage): Promise<Finding> {
  const folder = stage.folder()
  const identities = ['first', 'second', 'stranger'].map((name) => selfSigned({ commonName: name, use: 'client' }))
  const [first, second, stranger] = identities
  demand(first !== undefined && second !== undefined && stranger !== undefined, 'three')
  const pins = (name: string, identity: Identity): string => {
    const file = join(folder, `${name}.pins`)
    const end = new Date(Date.now() + 30 * 24 * hour).toISOString().replace(/\.\d+/, '')
    writeFileSync(file, `${pinOf(identity.privateKey)} ${end}\n`)
    return file
  }
  const relays = [
    { name: 'first', pins: pins('first', first), rate: { perSecond: 1, burst } },
    { name: 'second', pins: pins('second', second) },
  ]
  const server = { key: stage.people.file('gateway', 'server.key'), cert: stage.people.file('gateway', 'server.pem') }
  const settings = { relays, listen: { host: '127.0.0.1', port: 0, tls: server } }
  const app = await openApp(stage)
  const cvm = await stage.subject.cvm(stage, { app })
  const gateway = await stage.subject.gateway(stage, { cvmPort: cvm.port, tls: true, settings })
  await gateway.ready()
  const as = (identity: Identity) => ({
    tls: { key: privateKeyPem(identity), cert: certificatePem(identity), rejectUnauthorized: false },
  })
  const { body } = await asked(`${gateway.url}${keyPath}`, as(second))
  const key = selectKey(parseKeyConfigs(Uint8Array.from(body)), (kem, suite) => nodeHpke.supports(kem, suite))
  const cli = intruderWith(key, gateway.url)
  const post = async (identity: Identity): Promise<number> =>
    (await cli.post((await cli.seal({})).message, { type: mediaTypes.request, ...as(identity) })).status
  const flood = await Promise.all(Array.from({ length: 60 }, () => post(first)))
  demand((await post(second)) === 200, 'the other relay is served')
  const unknown = await post(stranger).catch(() => 'not heard')
  if (unknown === 200) return exposed('a stranger is served')
  const value = flood.filter((status) => status === 200).length
  demand(value > 0, 'the first relay is let have its rate')
  const measure = { metric: 'requests of the greedy relay that were taken', value, n: 60, gate: burst + 5 }
  return blocked(`the other one is served meanwhile; a stranger is ${unknown}`, measure)
}
