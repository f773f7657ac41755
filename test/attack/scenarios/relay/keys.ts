/** R12-R14, R21: a relay that shows other keys, and one that keeps ciphertext until it gets one. trust.md 2, wire.md "Resources". */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fromUtf8 } from '../../../../shared/bytes.ts'
import { createGatewayKey } from '../../../../shared/ohttp/gateway-key.ts'
import { openRequest } from '../../../../shared/ohttp/request.ts'
import { aes128Gcm, hkdfSha256 } from '../../../../shared/hpke/suites.ts'
import { blocked, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { openApp } from '../../pair/app.ts'
import { intruder, type Intruder } from '../../roles/client.ts'
import { bundleOver, impostor, isBundle, isKeyList, newKey, shown, shownKeys } from '../../roles/directory.ts'
import type { Letter, Reply } from '../../roles/relay.ts'
import {
  beset,
  clientAnswers,
  clientIsServed,
  demand,
  endOf,
  gatewayAnswers,
  hour,
  secret,
  target,
  words,
} from '../common.ts'

const onClient = { ...inFront, severity: 8, score: 'B', expects: ['BLOCKED'], subject: ['client'] } as const

export const keyScenarios: readonly Scenario[] = [
  {
    ...onClient,
    id: 'R12',
    title: 'a key of the relay’s own for one victim',
    given: 'the relay hands out bundle and key list',
    does: 'hands the victim ones with its own key, signed by a key of the publisher’s name',
    shows: 'the client refuses: nothing is sent, whichever resource was swapped',
    quick: true,
    control: clientAnswers,
    async attack(stage) {
      const own = newKey()
      const forged = await bundleOver([own], stage.people, { serial: 9 }, await impostor(stage.people))
      const reply = (letter: Letter): Reply | undefined =>
        isBundle(letter) ? shown(forged) : isKeyList(letter) ? shownKeys([own]) : undefined
      const { client, relay } = await beset(stage, { relay: { onRequest: reply } })
      const ended = await endOf(client.fetch(target, { method: 'POST', body: secret }))
      const letter = relay.letters.find(({ method }) => method === 'POST')
      if (letter === undefined) return blocked(`nothing was sent: ${words(ended)}`)
      const read = fromUtf8(openRequest(() => own, letter.body).content).includes(secret)
      return exposed(
        read ? 'the relay read the prompt with its own key' : 'the client sent something to an unproven key',
      )
    },
  },
  {
    ...onClient,
    id: 'R13',
    severity: 4,
    title: 'keys of last week',
    given: 'the relay kept old bundles, all of them rightly signed',
    does: 'hands out one that ended, then one that is older than what this client has seen',
    shows: 'the client refuses both: past its end, and rolled back',
    quick: true,
    control: clientAnswers,
    attack: stale,
  },
  {
    ...onClient,
    id: 'R14',
    severity: 4,
    title: 'the strongest key taken out of the list',
    given: 'the relay hands out the bundle',
    does: 'removes the first key of the list and leaves everything else as it was signed',
    shows: 'the client refuses: the signature is over the whole list',
    quick: true,
    control: clientAnswers,
    async attack(stage) {
      const keys = [newKey(1), newKey(2)]
      const [full, less] = await Promise.all([bundleOver(keys, stage.people), bundleOver(keys.slice(1), stage.people)])
      const line = (note: string): string => note.split('\n')[1] ?? ''
      const stripped = full.replace(line(full), line(less))
      demand(stripped !== full, 'the list is shorter')
      const onRequest = (letter: Letter): Reply | undefined => (isBundle(letter) ? shown(stripped) : undefined)
      const { client, relay } = await beset(stage, { relay: { onRequest }, gateway: { keys } })
      const ended = await endOf(client.fetch(target, { method: 'POST', body: secret }))
      const sent = relay.letters.some(({ method }) => method === 'POST')
      return sent ? exposed('the client used what was left of the list') : blocked(`nothing was sent: ${words(ended)}`)
    },
  },
  {
    ...{ ...inFront, id: 'R21', severity: 8, score: 'B', expects: ['BLOCKED'], subject: ['gateway'] },
    title: 'ciphertext kept until the key can be had',
    given: 'the relay keeps every sealed octet, and later gets the whole disk of the gateway',
    does: 'tries every secret on that disk on what it kept, after the key’s life ended',
    shows: 'the key is destroyed: nothing on the disk opens it (before, one does, which shows that the search works)',
    quick: true,
    control: gatewayAnswers,
    attack: keptCiphertext,
  },
]

async function stale(stage: Stage): Promise<Finding> {
  const key = newKey()
  const now = Math.floor(Date.now() / 1000) * 1000
  const times = { notBefore: now - 9 * 24 * hour, notAfter: now - 8 * 24 * hour }
  const ended = await bundleOver([key], stage.people, { serial: 5, ...times })
  const onRequest = (letter: Letter): Reply | undefined => (isBundle(letter) ? shown(ended) : undefined)
  const old = await beset(stage, { relay: { onRequest }, gateway: { keys: [key] } })
  const first = await endOf(old.client.fetch(target))
  if (!('error' in first)) return exposed('a bundle that ended a week ago was used')
  const second = await rolledBack(stage)
  return 'error' in second
    ? blocked(`${words(first)}, ${words(second)}`)
    : exposed('an older bundle than the last one was used')
}

/** Somebody who has seen serial 7 is shown serial 6, with a memory that outlives the process. */
async function rolledBack(stage: Stage) {
  const key = newKey()
  const bundles = [
    await bundleOver([key], stage.people, { serial: 7 }),
    await bundleOver([key], stage.people, { serial: 6 }),
  ]
  let text: string | undefined
  const memory = { load: () => text, save: (next: string) => void (text = next) }
  let turn = 0
  const onRequest = (letter: Letter): Reply | undefined => (isBundle(letter) ? shown(bundles[turn] ?? '') : undefined)
  const { client, relay } = await beset(stage, { relay: { onRequest }, gateway: { keys: [key] }, client: { memory } })
  await clientIsServed(client)
  turn = 1
  const again = stage.subject.client(stage, { relay: relay.url, memory })
  return endOf(again.fetch(target))
}

async function keptCiphertext(stage: Stage): Promise<Finding> {
  const rest = stage.folder()
  const app = await openApp(stage)
  const before = await started(stage, app, rest)
  const cli = await intruder(before.url)
  const { message } = await cli.seal({ method: 'POST', content: secret })
  demand(opensWithSecretOf(rest, cli, message), 'with the disk of that day it opens')
  await before.close()
  stage.clocks.shift('gateway', 15 * hour)
  stage.clocks.shift('cvm', 15 * hour)
  const after = await started(stage, app, rest)
  const refused = await cli.post(message).catch(() => undefined)
  if (opensWithSecretOf(rest, cli, message)) return exposed('the disk still holds the key')
  await after.close()
  return blocked(
    `of ${secretsIn(rest).length} secrets on the disk none opens it; ${refused?.status ?? 'the old gateway is gone'}`,
  )
}

async function started(stage: Stage, app: Awaited<ReturnType<typeof openApp>>, rest: string) {
  const cvm = await stage.subject.cvm(stage, { app })
  const gateway = await stage.subject.gateway(stage, { cvmPort: cvm.port, rest })
  await gateway.ready()
  return gateway
}

function opensWithSecretOf(folder: string, { key }: Intruder, message: Uint8Array): boolean {
  const suites = [{ kdf: hkdfSha256, aead: aes128Gcm }, key.suite]
  return secretsIn(folder).some((privateKey) => {
    try {
      const made = createGatewayKey({ keyId: key.config.keyId, kem: key.config.kem, suites, privateKey })
      return fromUtf8(openRequest(() => made, message).content).includes(secret)
    } catch {
      return false
    }
  })
}

/** Everything that could be 32 octets of a key, in hex or base64. */
function secretsIn(folder: string): Uint8Array[] {
  const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'))
  return texts.flatMap((text) => [
    ...[...text.matchAll(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g)].map(([found]) => Buffer.from(found, 'hex')),
    ...[...text.matchAll(/(?<![\w+/-])[\w+/-]{43}=?(?![\w+/=-])/g)].map(([found]) => Buffer.from(found, 'base64')),
  ])
}
