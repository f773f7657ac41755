/** Whether everybody is shown the same bundle and key list, fresh and named by their bytes. wire.md Resources, trust.md 2. */
import { sha256 } from '@noble/hashes/sha2.js'
import { equal, fromLatin1 as textOf, hex, type Bytes } from '../../bytes.ts'
import { essence, mediaTypes } from '../../http/media-types.ts'
import { parseKeyConfigs } from '../../ohttp/key-config.ts'
import { Refusal } from '../../refusal.ts'
import { field, type Answer } from './ask.ts'
import { checked, fails, unless, unseen, type Check, type Finding, type Row } from './findings.ts'
import { below, type Scene } from './scene.ts'

type Resource = { readonly name: string; readonly type: string }

const resources = {
  bundle: { name: 'asunder-bundle', type: mediaTypes.bundle },
  keys: { name: 'ohttp-gateway', type: mediaTypes.keys },
} as const satisfies Record<string, Resource>

const remedy =
  "mirror the gateway's bytes as they are: no cache, compression or rewriting before the relay; is the gateway ready?"

const rows = {
  bundle: {
    name: 'mirror.bundle',
    rule: 'the bundle is served, the same bytes twice, with its type, its digest as etag and at most 600 s of age',
    remedy,
  },
  keys: {
    name: 'mirror.keys',
    rule: 'the key list is served, the same bytes twice, with its type, its digest as etag and at most 600 s of age',
    remedy,
  },
  vantage: {
    name: 'mirror.vantage',
    rule: 'from a second side the same bundle and key list are seen',
    remedy:
      'find out who shows two things: until then take no request through either; asunder monitor keeps the evidence',
  },
} as const satisfies Record<string, Row>

export async function mirrorChecks(scene: Scene): Promise<Check[]> {
  return [
    await checked(rows.bundle, () => mirrored(scene, resources.bundle)),
    await checked(rows.keys, async () => ((await withoutList(scene)) ? noList : mirrored(scene, resources.keys))),
    await checked(rows.vantage, () => fromElsewhere(scene)),
  ]
}

const noList = unseen('in placement sealed there is no bare key list, and none is shown')

/** By the bundle's own word: whether it is true is for the evidence. What is shown in spite of it is judged as ever. */
async function withoutList(scene: Scene): Promise<boolean> {
  const { body } = await fetched(scene)
  if (!textOf(body).includes('"placement":"sealed"')) return false
  const { status } = await fetched(scene, resources.keys)
  return status === 503 || status === 404
}

/** As a client asks for it: no conditional fields. */
export async function fetched(scene: Scene, { name }: Resource = resources.bundle): Promise<Answer> {
  return scene.ask({ method: 'GET', url: below(scene.options.relay, name) })
}

async function mirrored(scene: Scene, resource: Resource): Promise<Finding> {
  const [first, second] = await twice(
    () => fetched(scene, resource),
    () => fetched(scene, resource),
  )
  const complaints = shortcomings(first, resource)
  if (complaints.length === 0 && !equal(first.body, second.body)) complaints.push('other bytes the second time')
  return unless(complaints, `${first.body.length} octets, ${field(first, 'cache-control') ?? ''}`)
}

/** A new bundle may come in between, but not in between twice. */
async function twice(one: () => Promise<Answer>, other: () => Promise<Answer>): Promise<readonly [Answer, Answer]> {
  const pair = [await one(), await other()] as const
  return equal(pair[0].body, pair[1].body) ? pair : [await one(), await other()]
}

function shortcomings(answer: Answer, { type }: Resource): string[] {
  if (answer.status !== 200) return [`status ${answer.status}`]
  const own = field(answer, 'content-type')
  const etag = field(answer, 'etag')
  return [
    ...(essence(own) === type ? [] : [`content-type ${own ?? 'missing'}`]),
    ...(etag === `"${hex(sha256(answer.body))}"` ? [] : [`etag ${etag ?? 'missing'} is not the digest`]),
    ...agingOf(answer),
    ...(type === mediaTypes.keys ? listOf(answer.body) : []),
  ]
}

function agingOf(answer: Answer): string[] {
  const [control, age] = [field(answer, 'cache-control'), field(answer, 'age')]
  const most = /^public, max-age=(\d{1,9})$/.exec(control ?? '')?.[1]
  if (most === undefined) return [`cache-control ${control ?? 'missing'}`]
  if (age === undefined || !/^\d{1,9}$/.test(age)) return [`age ${age ?? 'missing'}`]
  return Math.max(Number(most), Number(age)) > 600 ? [`max-age ${most} and age ${age}, more than 600`] : []
}

function listOf(body: Bytes): string[] {
  try {
    parseKeyConfigs(body)
    return []
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    return [`not a key list (${cause.code})`]
  }
}

async function fromElsewhere(scene: Scene): Promise<Finding> {
  const { vantage } = scene.options
  if (vantage === undefined) return unseen('give --vantage, another relay or name of the same deployment')
  const shown = (await withoutList(scene)) ? [resources.bundle] : Object.values(resources)
  for (const resource of shown) {
    const there = (): Promise<Answer> => scene.elsewhere({ method: 'GET', url: below(vantage, resource.name) })
    const [here, other] = await twice(() => fetched(scene, resource), there)
    if (other.status !== 200) return fails(`status ${other.status} from ${vantage.href} for ${resource.name}`)
    if (!equal(here.body, other.body)) return fails(`another ${resource.name} from ${vantage.href}`)
  }
  return unless([], `the same from ${vantage.href}`)
}
