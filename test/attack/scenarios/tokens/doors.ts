/** The two places that may ask for anonymous tokens, each with replicas that share its memory. RFC 9577, privacy.md 4.9. */
import { join } from 'node:path'
import type { RequestListener } from 'node:http'
import { mediaTypes } from '../../../../shared/http/media-types.ts'
import type { Stage } from '../../frame/stage.ts'
import { openApp } from '../../pair/app.ts'
import type { Served } from '../../pair/subject.ts'
import { intruder } from '../../roles/client.ts'
import { gatewayX } from '../../roles/gateway.ts'
import { gatewayIssuer, issuerX, relayIssuer, type IssuerX } from '../../roles/issuer.ts'
import { asked } from '../../roles/wire.ts'
import { demand } from '../common.ts'

export type Place = 'relay' | 'gateway'
export const bothPlaces: readonly Place[] = ['relay', 'gateway']

/** What came of a knock: `in`, or everything by which one refusal could be told from another. */
export type Knocked = string

export type Door = {
  readonly place: Place
  readonly issuer: IssuerX
  readonly knock: (token?: string, replica?: number) => Promise<Knocked>
  /** how many requests came through */
  readonly entered: () => number
  /** of all answers so far */
  readonly octets: () => number
  /** everything that went on behind it, and everything that it wrote */
  readonly behind: () => Promise<string>
  /** Ends all replicas, and starts them again on the same files. */
  readonly restart: () => Promise<void>
}

export type DoorOptions = {
  readonly replicas?: number
  /** tokens that can be remembered */
  readonly claims?: number
  /** milliseconds since 1970 */
  readonly until?: number
  readonly settings?: Readonly<Record<string, unknown>>
  readonly answer?: RequestListener
}

export function door(stage: Stage, place: Place, options: DoorOptions = {}): Promise<Door> {
  return place === 'relay' ? relayDoor(stage, options) : gatewayDoor(stage, options)
}

async function relayDoor(stage: Stage, { replicas = 1, claims = 1_000, until, settings }: DoorOptions): Promise<Door> {
  const issuer = await issuerX(stage, relayIssuer)
  const gateway = await gatewayX(stage)
  const folder = stage.folder()
  const tokens = { ...issuer.rows(folder, until), store: { file: join(folder, 'spent.sqlite'), claims } }
  const start = () => stage.subject.relay(stage, { gateway: gateway.url, settings: { ...settings, tokens } })
  const own = await crew(replicas, start)
  const { message } = await (await intruder(gateway.url)).seal({})
  let octets = 0
  return {
    ...{ place: 'relay', issuer, restart: own.restart, octets: () => octets },
    async knock(token, replica = 0) {
      const fields = { 'content-type': mediaTypes.request, ...(token === undefined ? {} : { authorization: token }) }
      const { status, rawHeaders, body } = await asked(own.at(replica).url, { method: 'POST', fields, body: message })
      octets += body.length
      return status === 200 ? 'in' : `${status} ${withoutDate(rawHeaders)} ${body.toString('latin1')}`
    },
    entered: () => gateway.posts().length,
    behind: async () => JSON.stringify(gateway.letters) + (await own.wrote()),
  }
}

async function gatewayDoor(stage: Stage, options: DoorOptions): Promise<Door> {
  const { replicas = 1, claims = 1_000, until, settings, answer } = options
  const issuer = await issuerX(stage, gatewayIssuer)
  const rest = stage.folder()
  const tokens = { ...issuer.rows(rest, until), claims }
  const app = await openApp(stage, answer)
  const cvm = await stage.subject.cvm(stage, { app })
  const start = async (): Promise<Served> => {
    const gateway = await stage.subject.gateway(stage, { cvmPort: cvm.port, rest, settings: { ...settings, tokens } })
    await gateway.ready()
    return gateway
  }
  const own = await crew(replicas, start)
  const clients = new Map<string, ReturnType<typeof intruder>>()
  const clientAt = ({ url }: Served): ReturnType<typeof intruder> => {
    const known = clients.get(url) ?? intruder(url)
    clients.set(url, known)
    return known
  }
  let octets = 0
  return {
    ...{ place: 'gateway', issuer, restart: own.restart, octets: () => octets },
    async knock(token, replica = 0) {
      const cli = await clientAt(own.at(replica))
      const { outer, inner, text } = await cli.ask({ headers: token === undefined ? [] : [['authorization', token]] })
      octets += outer.body.length
      if (inner?.status === 200) return 'in'
      const said = inner === undefined ? '' : `${inner.status} ${JSON.stringify(inner.headers)} ${text}`
      return `${outer.status} ${outer.body.length} ${said}`
    },
    entered: () => app.asked.length,
    behind: async () => app.raw() + (await own.wrote()),
  }
}

/** Replicas, one after the other: the first one makes the files that the others find. */
async function crew(count: number, start: () => Promise<Served>) {
  const members: Served[] = []
  const hire = async (): Promise<void> => {
    for (let at = 0; at < count; at++) members.push(await start())
  }
  await hire()
  const at = (replica: number): Served => {
    const member = members[replica]
    if (member === undefined) throw new TypeError(`replica ${replica} of ${count}`)
    return member
  }
  return {
    at,
    async wrote() {
      const pages = await Promise.all(members.map(({ metrics }) => metrics()))
      return [...pages, ...members.map(({ log }) => log())].join('\n')
    },
    restart: async (): Promise<void> => {
      for (const member of members.splice(0)) await member.close()
      await hire()
    },
  }
}

function withoutDate(rawHeaders: readonly string[]): string {
  return rawHeaders.filter((_, at) => (rawHeaders[at - (at % 2)] ?? '').toLowerCase() !== 'date').join(' ')
}

/** A token of this door's issuer, bought as clients buy. */
export function bought(stage: Stage, { issuer: { issuer } }: Pick<Door, 'issuer'>, count = 1): Promise<string[]> {
  const purse = stage.subject.wallet(stage, { issuer, batch: count })
  return inTurn(count, () => purse.take())
}

export async function inTurn<T>(count: number, work: (at: number) => Promise<T>): Promise<T[]> {
  const done: T[] = []
  for (let at = 0; at < count; at++) done.push(await work(at))
  return done
}

/** Without a token nobody comes in, with one somebody does: or the door is none, or locked. */
export async function doorsWork(stage: Stage): Promise<void> {
  for (const place of bothPlaces) {
    const one = await door(stage, place)
    const [token = ''] = await bought(stage, one)
    demand((await one.knock()) !== 'in', `the ${place} wants a token`)
    const knocked = await one.knock(token)
    demand(knocked === 'in' && one.entered() === 1, `the ${place} takes a good token, but ${knocked.slice(0, 80)}`)
  }
}
