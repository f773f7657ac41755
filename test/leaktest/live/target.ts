/**
 * A pair that is not ours: clients of the lab with a bare key list, a tap in front of the relay, and, where its operators
 * put them, a tap behind it and files to search. What nobody tapped is not observable, and the report says so.
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { readKeyLog } from '../../../deploy/local/seen/tls-log.ts'
import type { RandomBytes } from '../canary/canaries.ts'
import type { Column } from '../contract.ts'
import type { Call, Capture, Holding, Mirrored, Refused, Span } from './capture.ts'
import { LabClient } from './client.ts'
import { arisen, wires } from './collect.ts'
import { createHash } from 'node:crypto'
import { hear, type Heard, type Message } from './heard.ts'
import { plant } from './planted.ts'
import type { Place } from './place.ts'
import { post, refusals, sealProperly } from './refusals.ts'
import { createTap, monotonic, type Tap } from './tap.ts'

const https = z.url({ protocol: /^https$/ }).transform((text) => new URL(text))
const files = z.array(z.string().min(1)).default([])
const port = z.int().min(1).max(65_535)

const schema = z.strictObject({
  name: z.string().min(1).max(80),
  /** where clients post */
  relay: https,
  /** the bare key list (RFC 9458 §3), wherever it is */
  keys: https,
  /** what the gateway lets through */
  resource: https,
  /** PEM of who vouches for relay and key list, if the system does not */
  ca: z.string().optional(),
  /** a tap behind the relay: tell the relay that its gateway is at `listen`; what it says there can be read with `secrets` */
  link: z.strictObject({ listen: port, host: z.string(), port, secrets: files }).optional(),
  /** what operators keep: logs and saved pages of metrics */
  kept: z.strictObject({ R: files, MR: files, G: files, MG: files }).partial().default({}),
})

export type Target = z.infer<typeof schema> & { readonly folder: string }

/** Throws TypeError with the member that is wrong. Paths in it are relative to the file. */
export function readTarget(text: string, path: string): Target {
  const found = schema.safeParse(JSON.parse(text))
  if (found.success) return { ...found.data, folder: dirname(resolve(path)) }
  const [issue] = found.error.issues
  throw new TypeError(`--target: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not understood'}`)
}

export type TargetOptions = { readonly clients: number; readonly each: number; readonly random: RandomBytes }

export type TargetCapture = { readonly capture: Capture; readonly present: ReadonlySet<Column> }

export async function captureTarget(target: Target, { clients, each, random }: TargetOptions): Promise<TargetCapture> {
  const { relay, link } = target
  const a = await createTap({ to: { host: relay.hostname, port: Number(relay.port || 443) } })
  const b = link && (await createTap({ to: { host: link.host, port: link.port }, port: link.listen }))
  const ca = target.ca === undefined ? undefined : readFileSync(resolve(target.folder, target.ca), 'utf8')
  const cast = plant(clients, random)
  const secrets: string[] = []
  const actors = cast.clients.map(
    (planted, index) =>
      new LabClient({ index, planted, port: a.port, ca, host: relay.host, secrets: (line) => secrets.push(line) }),
  )
  try {
    const done = await work(actors, placeOf(target), each)
    for (const actor of actors) actor.close()
    // Their departures are part of what the relay sees.
    await sleep(100)
    return { capture: captured({ target, a, b, cast, done, secrets: secrets.join('\n') }), present: presentIn(target) }
  } finally {
    for (const actor of actors) actor.close()
    a.close()
    b?.close()
  }
}

/** A relay that mirrors keys is asked through its own tap, anybody else directly. */
function placeOf({ relay, keys, resource, ca, folder }: Target): Place {
  const direct = async (): Promise<Uint8Array> => {
    if (ca !== undefined)
      throw new TypeError(
        `--target: keys elsewhere than at the relay need a certificate that the system knows, not ${folder}/${ca}`,
      )
    const answer = await fetch(keys)
    return listOf(answer.status, new Uint8Array(await answer.arrayBuffer()))
  }
  const listOf = (status: number, body: Uint8Array): Uint8Array => {
    if (status === 200) return body
    throw new Error(`--target: ${keys.href} answers ${String(status)} and no list of keys; look at the relay`)
  }
  const mirrored = async (client: LabClient): Promise<Uint8Array> => {
    const { status, body } = await client.send({ method: 'GET', path: keys.pathname })
    return listOf(status, body)
  }
  return { path: relay.pathname, resource, keyList: keys.origin === relay.origin ? mirrored : direct }
}

type Work = Pick<Capture, 'calls' | 'refused' | 'mirrored' | 'spans'>

async function work(actors: readonly LabClient[], place: Place, each: number): Promise<Work> {
  const calls: Call[] = []
  const refused: Refused[] = []
  const mirrored: Mirrored[] = []
  const spans: Span[] = []
  const phase = async (name: Span['phase'], act: (client: LabClient) => Promise<void>): Promise<void> => {
    const from = monotonic()
    await Promise.all(actors.map(act))
    spans.push({ phase: name, from, to: monotonic() })
  }
  await phase('keys', async (client) => {
    const digest = createHash('sha256')
      .update(await place.keyList(client))
      .digest('hex')
    mirrored.push({ client: client.index, resource: 'keys', digest })
  })
  await phase('calls', async (client) => {
    for (let i = 0; i < each; i++) {
      const { message, inside } = await sealProperly(client, place)
      const { status, body } = await post(client, place, message)
      calls.push({
        client: client.index,
        intent: 0,
        phase: 'calls',
        asked: inside.length,
        told: body.length,
        status,
        message,
        inside,
      })
    }
  })
  await phase('refusals', async (client) => {
    for (const { kind, group, try: attempt } of refusals) {
      const { looks, ...tried } = await attempt(client, place)
      refused.push({ client: client.index, kind, group, ...tried, looks: dated(looks, 'mm:00') })
    }
  })
  return { calls, refused, mirrored, spans }
}

type Taken = {
  readonly target: Target
  readonly a: Tap
  readonly b: Tap | undefined
  readonly cast: ReturnType<typeof plant>
  readonly done: Work
  readonly secrets: string
}

function captured({ target, a, b, cast, done, secrets }: Taken): Capture {
  const log = readKeyLog([secrets, ...linkSecrets(target)].join('\n'))
  const near = a.connections().map((connection) => toTheMinute(hear(connection, log)))
  const far = (b?.connections() ?? []).map((connection) => hear(connection, log))
  const links = { a: near, b: far, d: [], app: [], e: [] }
  const placement = 'front'
  return {
    ...{ placement, profile: 'direct' },
    ...done,
    ...{ links, clients: cast.clients.length, canaries: [...cast.canaries, ...arisen(near, done)] },
    holdings: [...wires(links, placement), ...keptFiles(target)],
    // Without the secrets of the link behind the relay, what shows there is what a network sees.
    partly: new Set<Column>(['G']),
    ...{
      scrapes: [],
      single: [],
      leftAtApp: 0,
      trapped: 0,
      unreadable: [...near, ...(isReadable(target) ? far : [])].filter(({ forward }) => forward === undefined).length,
    },
  }
}

/** Servers date their answers to the second (RFC 9110 §6.6.1); to their client that says nothing about others. */
function toTheMinute({ exchanges, ...heard }: Heard): Heard {
  const answer = (response: Message): Message => ({
    ...response,
    head: Buffer.from(dated(response.head.toString('latin1'), '00:00'), 'latin1'),
  })
  const all = exchanges.map(({ response, ...rest }) => ({ ...rest, response: response && answer(response) }))
  return { ...heard, exchanges: all }
}

function dated(head: string, by: string): string {
  return head.replace(/^(date: \w{3}, \d\d \w{3} \d{4} \d\d:)\d\d:\d\d(?= GMT\r?$)/gim, `$1${by}`)
}

/** Key logs of either operator (RFC 9850), which it recorded for this run alone. */
function linkSecrets({ link, folder }: Target): string[] {
  return (link?.secrets ?? []).map((path) => readFileSync(resolve(folder, path), 'utf8'))
}

function isReadable({ link }: Target): boolean {
  return (link?.secrets ?? []).length > 0
}

function keptFiles({ kept, folder }: Target): Holding[] {
  return Object.entries(kept).flatMap(([party, paths = []]) =>
    paths.map((path): Holding => ({
      ...{ party: party as Column, source: party.startsWith('M') ? 'metric' : 'log', name: path },
      octets: readFileSync(resolve(folder, path)),
    })),
  )
}

/** With the secrets of the link behind the relay, what the gateway is told there; not what it does with it. */
function presentIn(target: Target): Set<Column> {
  const pages = (['MR', 'MG'] as const).filter((party) => (target.kept[party] ?? []).length > 0)
  const behind: Column[] = target.link === undefined ? [] : isReadable(target) ? ['NR', 'G'] : ['NR']
  return new Set<Column>(['NC', 'R', ...behind, ...pages])
}
