/** What many scenarios have in common: honest traffic, and how an answer looks from outside and from inside. */
import { inFront, type Scenario } from '../frame/scenario.ts'
import type { Stage } from '../frame/stage.ts'
import { until } from '../frame/until.ts'
import { appOrigin } from '../pair/app.ts'
import { behind, pair, type Behind, type Pair } from '../pair/pair.ts'
import { NotThere, type Client } from '../pair/subject.ts'
import { intruder, type Intruder, type Told } from '../roles/client.ts'
import { gatewayX, type GatewayScript, type GatewayX } from '../roles/gateway.ts'
import { relayX, type RelayScript, type RelayX } from '../roles/relay.ts'
import type { Answered } from '../roles/wire.ts'

export const target = `${appOrigin}/v1/notes`
export const hour = 3_600_000
/** Stands for what somebody would not like to be read. */
export const secret = 'the dossier of Ana Lindqvist'

export function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`not so: ${what}`)
}

/** The honest exchange whose failure would make every refusal worthless. */
export async function pairAnswers(stage: Stage): Promise<void> {
  const { client } = await pair(stage)
  await clientIsServed(client())
}

export async function clientIsServed(
  client: Client,
  init: RequestInit = { method: 'POST', body: secret },
): Promise<void> {
  const answer = await client.fetch(target, init)
  const text = await answer.text()
  demand(answer.status === 200 && text === 'hello', `served, but ${answer.status} ${text.slice(0, 80)}`)
}

export function isServed({ inner, text }: Told): boolean {
  return inner?.status === 200 && text === 'hello'
}

export type Besieged = Behind & { readonly cli: Intruder }

/** A gateway of the subject, its CVM, and an intruder who speaks to it as relays do. */
export async function besieged(stage: Stage, options: Parameters<typeof behind>[1] = {}): Promise<Besieged> {
  const back = await behind(stage, options)
  return { ...back, cli: await intruder(back.gateway.url, stage.clocks.client) }
}

export async function gatewayAnswers(stage: Stage): Promise<void> {
  const { cli, app } = await besieged(stage)
  const told = await cli.ask({ method: 'POST', content: secret })
  demand(isServed(told) && app.asked.length === 1, 'an honest request is served once')
}

export type Beset = { readonly relay: RelayX; readonly gateway: GatewayX; readonly client: Client }

/** A client of the subject in front of a scripted relay and a scripted gateway. */
export async function beset(
  stage: Stage,
  {
    relay: onRelay,
    gateway: onGateway,
    client,
  }: {
    readonly relay?: RelayScript
    readonly gateway?: GatewayScript
    readonly client?: Omit<Parameters<Stage['subject']['client']>[1], 'relay'>
  } = {},
): Promise<Beset> {
  const gateway = await gatewayX(stage, onGateway)
  const relay = await relayX(stage, gateway.url, onRelay)
  return { relay, gateway, client: stage.subject.client(stage, { relay: relay.url, ...client }) }
}

export async function clientAnswers(stage: Stage): Promise<void> {
  const { client } = await beset(stage)
  await clientIsServed(client)
}

/** Status, type and length: all that somebody sees who cannot open it. */
export function shapeOf({ status, field, body }: Answered): string {
  return `${status} ${field('content-type') ?? '-'} ${body.length}`
}

export type Ended = { readonly text: string; readonly status: number } | { readonly error: string }

/** What the caller of a client was given: an answer, or the code of an error. */
export async function endOf(work: Promise<Response>): Promise<Ended> {
  try {
    const answer = await work
    return { text: await answer.text(), status: answer.status }
  } catch (cause) {
    return { error: codeOf(cause) }
  }
}

function codeOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'thrown'
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message
}

export function words(ended: Ended): string {
  if ('error' in ended) return ended.error
  return `${ended.status} ${JSON.stringify(ended.text.slice(0, 40).replace(/[^\x20-\x7e]/g, '.'))}`
}

type Unplayed = Pick<Scenario, 'placements' | 'profiles' | 'expects' | 'quick' | 'withoutNaive' | 'control' | 'attack'>

/** A scenario whose subject this version has not: it is listed, says why, and never passes. */
export function notYet(why: string): Unplayed {
  const play = (): Promise<never> => Promise.reject(new NotThere(why))
  const rest = { quick: false, withoutNaive: 'not played: see its reason', control: play, attack: play }
  return { ...inFront, expects: ['BLOCKED'], ...rest }
}

/** Resolves when a number has stayed the same for a quarter of a second. */
export async function settled(count: () => number): Promise<void> {
  let [last, since] = [count(), Date.now()]
  await until(() => {
    if (count() !== last) [last, since] = [count(), Date.now()]
    return Date.now() - since > 250
  }, 8_000)
}

export type { Pair }
