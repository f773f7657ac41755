/** G01, G02, G16: a gateway that tells clients apart by the keys it shows them. trust.md 2, conformance CONS-1. */
import { blocked, detected, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { until } from '../../frame/until.ts'
import { bundleOver, isBundle, isKeyList, newKey, shown, shownKeys } from '../../roles/directory.ts'
import { gatewayX, type GatewayScript } from '../../roles/gateway.ts'
import { asked } from '../../roles/wire.ts'
import { clientIsServed, demand, pairAnswers } from '../common.ts'

const onMirror = {
  ...inFront,
  severity: 8,
  score: 'B',
  expects: ['BLOCKED'],
  subject: ['relay'],
  control: pairAnswers,
} as const
const askers = 12

export const keyTagScenarios: readonly Scenario[] = [
  {
    ...onMirror,
    id: 'G01',
    title: 'a bundle for each client',
    given: 'the gateway signs bundles, and sees a question for one',
    does: 'answers each question with another key',
    shows: 'clients ask the relay, which shows everybody the same copy',
    quick: true,
    async attack(stage) {
      const bundles = await Promise.all(
        Array.from({ length: askers + 4 }, (_, at) => bundleOver([newKey(at + 1)], stage.people, { serial: at + 1 })),
      )
      let count = 0
      return different(stage, 'asunder-bundle', {
        onFetch: (letter) => (isBundle(letter) ? shown(bundles[count++ % bundles.length] ?? '') : undefined),
      })
    },
  },
  {
    ...onMirror,
    id: 'G02',
    title: 'a key id for each client',
    given: 'the gateway sees a question for its key list',
    does: 'answers each question with another key id',
    shows: 'clients ask the relay, which shows everybody the same copy',
    quick: true,
    attack(stage) {
      let count = 0
      return different(stage, 'ohttp-gateway', {
        onFetch: (letter) => (isKeyList(letter) ? shownKeys([newKey((count++ % 200) + 1)]) : undefined),
      })
    },
  },
  {
    ...{ ...inFront, id: 'G16', severity: 4, score: 'D', expects: ['DETECTED'], subject: ['client'] },
    title: 'other keys behind another relay',
    given: 'the gateway knows which relay asks',
    does: 'shows one relay another bundle of the same serial',
    shows: 'whoever watches through both relays has two signed bundles of one serial in hand, and says so',
    quick: true,
    control: watchedInPeace,
    attack: perRelay,
  },
]

/** How many different copies a dozen clients see, each with a connection and habits of its own. */
async function different(stage: Stage, resource: string, script: GatewayScript): Promise<Finding> {
  const gateway = await gatewayX(stage, script)
  const relay = await stage.subject.relay(stage, { gateway: gateway.url })
  const url = `${relay.url}/.well-known/${resource}`
  await until(async () => (await asked(url)).status === 200)
  const copies = new Set<string>()
  for (let asker = 0; asker < askers; asker++) {
    const fields = { 'user-agent': `client/${asker}`, cookie: `id=${asker}`, 'if-none-match': `"${asker}"` }
    const { status, body, field } = await asked(url, { fields })
    copies.add(`${status} ${field('etag') ?? ''} ${body.toString('latin1')}`)
  }
  if (copies.size > 1) return exposed(`${askers} clients saw ${copies.size} different copies`)
  return blocked(`${askers} clients saw one copy; the gateway was asked ${gateway.letters.length} times`)
}

async function twoRelays(stage: Stage, keys: readonly (readonly [ReturnType<typeof newKey>, string])[]) {
  const relays: string[] = []
  for (const [key, bundle] of keys) {
    const onFetch: GatewayScript['onFetch'] = (letter) => (isBundle(letter) ? shown(bundle) : undefined)
    const gateway = await gatewayX(stage, { keys: [key], onFetch })
    const relay = await stage.subject.relay(stage, { gateway: gateway.url })
    await until(async () => (await asked(`${relay.url}/.well-known/asunder-bundle`)).status === 200)
    relays.push(`${relay.url}/`)
  }
  for (const relay of relays) await clientIsServed(stage.subject.client(stage, { relay }))
  return relays
}

/** Alarms that say that not everybody is shown the same. */
const tellsApart = (code: string): boolean => ['bundle-equivocation', 'bundle-differs', 'split-view'].includes(code)

async function watchedInPeace(stage: Stage): Promise<void> {
  const key = newKey()
  const bundle = await bundleOver([key], stage.people, { serial: 3 })
  const relays = await twoRelays(stage, [
    [key, bundle],
    [key, bundle],
  ])
  demand(!(await stage.subject.monitor(stage, relays)).some(tellsApart), 'no alarm where both relays show the same')
}

async function perRelay(stage: Stage): Promise<Finding> {
  const [one, other] = [newKey(1), newKey(2)]
  const bundles = await Promise.all([one, other].map((key) => bundleOver([key], stage.people, { serial: 3 })))
  const relays = await twoRelays(stage, [
    [one, bundles[0] ?? ''],
    [other, bundles[1] ?? ''],
  ])
  const alarms = (await stage.subject.monitor(stage, relays)).filter(tellsApart)
  return alarms.length > 0
    ? detected(`alarm: ${alarms.join(', ')}`)
    : exposed('clients of two relays hold different keys, and nobody says so')
}
