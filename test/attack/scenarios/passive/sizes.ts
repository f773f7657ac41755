/** P01, P02, P15: what lengths give away on each link. privacy.md 2.4 and 2.7, wire.md "Padding". */
import { readBundle } from '../../../../shared/attestation/bundle.ts'
import { decodeRequest } from '../../../../shared/bhttp/decode.ts'
import { onGrid } from '../../../../shared/bhttp/padding.ts'
import { blocked, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { until } from '../../frame/until.ts'
import { pair } from '../../pair/pair.ts'
import { sealedPlace } from '../../pair/sealed.ts'
import { gatewayX } from '../../roles/gateway.ts'
import { relayX, type Letter } from '../../roles/relay.ts'
import { tap, type Tap } from '../../roles/tap.ts'
import { asked } from '../../roles/wire.ts'
import { demand, pairAnswers, target } from '../common.ts'
import { opensWithFile } from '../sealed/outer-key.ts'

const onLinks = {
  ...inFront,
  severity: 4,
  score: 'T',
  expects: ['BLOCKED'],
  subject: ['client', 'relay', 'gateway'],
  control: pairAnswers,
  quick: true,
} as const
const given = 'somebody who sees the lengths of all messages on a link'
/** Octets of prompt and of answer, for intents from a question to a document. */
const intents = [12, 140, 700, 1_900, 3_000, 9_000, 30_000, 120_000]

export const sizeScenarios: readonly Scenario[] = [
  {
    ...onLinks,
    id: 'P01',
    quick: false,
    title: 'what is asked, by its length on the client’s link',
    given,
    does: 'looks at requests and answers of eight intents, three times each',
    shows: 'bucket sizes and nothing between them, in both directions',
    attack: onLinkA,
  },
  {
    ...onLinks,
    id: 'P02',
    quick: false,
    title: 'the two links matched by length',
    given: 'somebody who sees the lengths on both sides of the relay',
    does: 'compares the lengths of eight intents on either side',
    shows: 'the same lengths on both sides, all of them bucket sizes',
    attack: bothLinks,
  },
  {
    ...onLinks,
    placements: ['sealed'],
    id: 'P15',
    title: 'the gateway-CVM link, by its lengths',
    given: 'the CVM’s host, and the gateway’s operator with the outer key',
    does: 'measures the inner messages of six prompts from 10 octets to 50 kB',
    shows: 'each is a bucket less 512 octets, so that the outer one fills the bucket',
    withoutNaive: 'the naive pair has no sealed exchange to measure',
    subject: ['client'],
    control: () => Promise.resolve(),
    attack: innerSizes,
  },
]

/** `content-length` of every message in one direction that carries one of the media types of Oblivious HTTP. */
function lengths(link: Tap, from: 'client' | 'server'): number[] {
  const heads = link.heard(from).split(/(?=(?:POST|GET) \/|HTTP\/1\.1 \d{3})/)
  const sealed = heads.filter((head) => /content-type: message\/ohttp-re[qs]/i.test(head))
  return sealed.flatMap((head) => /content-length: (\d+)/i.exec(head)?.[1] ?? []).map(Number)
}

async function tapped(stage: Stage) {
  const town = await pair(stage, {
    answer: (request, response) => {
      request.resume().on('end', () => {
        const body = 'y'.repeat(Number(request.headers['x-size'] ?? 5))
        response.writeHead(200, { 'content-length': body.length }).end(body)
      })
    },
  })
  const linkA = await tap(stage, town.relay.port)
  const client = stage.subject.client(stage, { relay: `${linkA.url}/`, family: 'standard' })
  for (const size of [...intents, ...intents, ...intents]) {
    const body = 'x'.repeat(size + stage.dice.below(9))
    const answer = await client.fetch(target, { method: 'POST', body, headers: { 'x-size': String(size) } })
    await answer.arrayBuffer()
  }
  return linkA
}

async function onLinkA(stage: Stage): Promise<Finding> {
  const linkA = await tapped(stage)
  const requests = lengths(linkA, 'client')
  const seen = [...requests, ...lengths(linkA, 'server')]
  demand(requests.length >= 3 * intents.length, `all requests were seen: ${requests.length}`)
  const off = seen.filter((length) => !onGrid(length)).length
  const measure = { metric: 'messages off the grid of sizes', value: off, n: seen.length, gate: 0 }
  return blocked(`${new Set(seen).size} different lengths for ${seen.length} messages of eight intents`, measure)
}

async function bothLinks(stage: Stage): Promise<Finding> {
  const gateway = await gatewayX(stage)
  const linkB = await tap(stage, gateway.port)
  const relay = await stage.subject.relay(stage, { gateway: linkB.url })
  await until(async () => (await asked(`${relay.url}/.well-known/asunder-bundle`)).status === 200)
  const linkA = await tap(stage, relay.port)
  const client = stage.subject.client(stage, { relay: `${linkA.url}/`, family: 'standard' })
  for (const size of intents)
    await (await client.fetch(target, { method: 'POST', body: 'x'.repeat(size) })).arrayBuffer()
  const [a, b] = [linkA, linkB].map((link) => lengths(link, 'client').sort((one, other) => one - other))
  demand(a?.length === intents.length && b?.length === a.length, 'every request was seen on both links')
  if (a.join() !== b.join()) return exposed(`other lengths on the other side: ${a.join()} and ${b.join()}`)
  const off = a.filter((length) => !onGrid(length)).length
  const measure = { metric: 'requests off the grid of sizes', value: off, n: a.length, gate: 0 }
  return blocked(`${a.join(', ')} on both sides`, measure)
}

async function innerSizes(stage: Stage): Promise<Finding> {
  const place = await sealedPlace(stage)
  const bodies: Buffer[] = []
  const onRequest = ({ method, body }: Letter): undefined => {
    if (method === 'POST') bodies.push(body)
    return undefined
  }
  const relay = await relayX(stage, place.gateway.url, { onRequest })
  const client = place.client(relay.url)
  for (const size of [10, 300, 900, 4_000, 15_000, 50_000]) {
    await (await client(target, { method: 'POST', body: 'x'.repeat(size) })).text()
  }
  const inner = bodies
    .flatMap((body) => opensWithFile(place.gateway.folder, body))
    .map((plain) => decodeRequest(plain).content.length)
  demand(
    inner.length === bodies.length && inner.length > 0 && readBundle(place.bundle()).placement === 'sealed',
    'all of them open outside',
  )
  const off = inner.filter((length) => !onGrid(length + 512)).length
  const outside = bodies.filter(({ length }) => !onGrid(length)).length
  const measure = {
    metric: 'inner and outer messages off the grid',
    value: off + outside,
    n: 2 * inner.length,
    gate: 0,
  }
  return blocked(`inner messages of ${[...new Set(inner)].join(', ')} octets`, measure)
}
