/** `attack serve`: a hostile relay, gateway or network on loopback, for people who test a client of their own. */
import { parseArgs } from 'node:util'
import { gather, type People } from '../pair/people.ts'
import { gatewayX } from '../roles/gateway.ts'
import { relayX, type Letter, type RelayScript } from '../roles/relay.ts'
import { tap, type Piece, type TapScript } from '../roles/tap.ts'
import { UsageError } from './options.ts'
import { gatewayTricks, networkTricks, relayTricks, tricks, type ServedRole } from './tricks.ts'

export const serveHelp = `Usage: npm run attack -- serve ROLE [--trick NAME] [--port PORT] [--gateway URL] [--to PORT]

Listens on 127.0.0.1 until Ctrl-C (exit status 0), says where, and shows a line for whatever comes. Point your client at it,
and see that it refuses what it should. Wrong use, or a port that is taken, ends with 3.

  relay     before --gateway URL (http, without path), or before a gateway of its own; keys are those of the gateway
  gateway   with keys and a bundle under a trust root of its own, whose file it names; also answers as a relay would
  network   passes octets on to --to PORT; for lengths and times on a link, or for what a broken one does to a client

  --trick NAME   what it does, one of those below; default honest, which shows that your client works at all
  --port PORT    where it listens; default: any that is free

${(Object.keys(tricks) as ServedRole[]).map(tricksOf).join('\n\n')}

A client of ours, against a relay that flips a bit (it says answer-damaged):
  npm run attack -- serve relay --trick flip --port 8100
  npm run --silent asunder -- fetch --relay http://127.0.0.1:8100/ --trust FILE --placement front --plaintext-loopback \\
    https://app.asunder.example/
`

function tricksOf(role: ServedRole): string {
  return [
    `Tricks of ${role}:`,
    ...Object.entries(tricks[role]).map(([name, { says }]) => `  ${name.padEnd(10)}${says}`),
  ].join('\n')
}

export type Serving = {
  /** what to tell the person who asked */
  readonly says: string
  readonly url: string
  readonly close: () => Promise<void>
}

/** `show` is told what comes, a line each. */
export async function serve(args: readonly string[], show: (line: string) => void = () => undefined): Promise<Serving> {
  const wish = asked(args)
  const closers: (() => unknown)[] = []
  const defer = (close: () => unknown): void => void closers.push(close)
  const close = async (): Promise<void> => {
    for (const end of closers.splice(0).reverse()) await end()
  }
  try {
    const people = await gather()
    defer(people.remove)
    const open = wish.role === 'network' ? network : parties
    return { ...(await open({ people, defer }, wish, show)), close }
  } catch (cause) {
    await close()
    const taken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE'
    throw taken
      ? new UsageError(`--port ${wish.port}: somebody listens there already; leave it out for a free one`)
      : cause
  }
}

type Place = { readonly people: People; readonly defer: (close: () => unknown) => void }
type Show = (line: string) => void
type Opened = Omit<Serving, 'close'>

async function network(place: Place, { trick, to, port }: Asked, show: Show): Promise<Opened> {
  const { onPiece } = networkTricks[trick]?.script ?? {}
  let first: number | undefined
  const script: TapScript = {
    onPiece(piece, seen) {
      first ??= piece.t
      show(lineOf(piece, first))
      return onPiece?.(piece, seen) ?? piece.bytes
    },
  }
  const { url } = await tap(place, to, script, port)
  return { url, says: `network (${trick}) at ${url}, before port ${to}` }
}

function lineOf({ connection, from, bytes, t }: Piece, first: number): string {
  return `${(t - first).toFixed(1).padStart(9)} ms  connection ${connection}  from ${from}  ${bytes.length} octets`
}

async function parties(place: Place, { role, trick, gateway, port }: Asked, show: Show): Promise<Opened> {
  const own = role === 'gateway' || gateway === undefined
  const gatewayScript = role === 'gateway' ? gatewayTricks[trick]?.script : {}
  const { url: behind } = own ? await gatewayX(place, gatewayScript) : { url: gateway }
  const { onRequest, ...script }: RelayScript = role === 'relay' ? (relayTricks[trick]?.script ?? {}) : {}
  const showing: RelayScript = {
    ...script,
    onRequest(letter, response) {
      show(letterLine(letter))
      return onRequest?.(letter, response)
    },
  }
  const { url } = await relayX(place, behind, showing, port)
  const trust = own ? `\n  trust root of its keys: ${place.people.trust} (placement front)` : ''
  return { url, says: `${role} (${trick}): clients come in at ${url}${trust}` }
}

function letterLine({ method, path, body, rawHeaders }: Letter): string {
  const names = rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())
  return `${method} ${path}  ${body.length} octets  ${names.join(' ')}`
}

type Asked = {
  readonly role: ServedRole
  readonly trick: string
  readonly gateway: string | undefined
  /** ports; 0 is none in particular */
  readonly to: number
  readonly port: number
}

function asked(args: readonly string[]): Asked {
  const { values, positionals } = parsed(args)
  const [role, ...more] = positionals
  const roles = Object.keys(tricks).join(', ')
  if (role === undefined || !isRole(role))
    throw new UsageError(`serve${role === undefined ? '' : ` ${role}`}: give one of ${roles}`)
  if (more.length > 0) throw new UsageError(`serve: one role at a time, not also ${more.join(' ')}`)
  const { trick = 'honest', gateway } = values
  if (!Object.hasOwn(tricks[role], trick))
    throw new UsageError(`--trick ${trick}: give one of ${Object.keys(tricks[role]).join(', ')}`)
  if (gateway !== undefined && role !== 'relay') throw new UsageError('--gateway: only a relay has one before it')
  if (gateway !== undefined && !/^http:\/\/[^/]+\/?$/.test(gateway))
    throw new UsageError('--gateway: give an http: URL without path')
  if ((values.to !== undefined) !== (role === 'network'))
    throw new UsageError('--to: a network needs the port that it stands before, and nobody else has one')
  const port = portOf('port', values.port)
  return { role, trick, gateway: gateway?.replace(/\/$/, ''), to: portOf('to', values.to), port }
}

function portOf(option: string, text: string | undefined): number {
  if (text === undefined) return 0
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65_535)
    throw new UsageError(`--${option}: give a port from 1 to 65535`)
  return Number(text)
}

const text = { type: 'string' } as const

function parsed(args: readonly string[]) {
  try {
    const options = { trick: text, port: text, gateway: text, to: text }
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : 'these arguments make no sense')
  }
}

const isRole = (word: string): word is ServedRole => Object.hasOwn(tricks, word)
